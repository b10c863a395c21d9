/** Which files the application was made of, and which it lacks, for whoever watches them. */
import { createRequire, register } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { watchApplicationFiles } from "../common/application-files.ts";
import type { AppSpec } from "./app-spec.ts";
import { filesLackedBy, filesNamedBy } from "./files-of-error.ts";
import { isModuleName } from "./python-name.ts";

/** Of eddy itself, which is no package where it runs from its checkout. */
const OWN = ["../", "../../adapters/"].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);

export class ImportedFiles {
  readonly #seen = new Set<string>();
  readonly #wanted = new Set<string>();
  readonly #channel: MessageChannel;
  readonly #found: (files: readonly string[]) => void;

  /**
   * What is imported from now on is noted, which costs a thread.
   *
   * @param found gets them: those that another process imports, when it does.
   */
  constructor(
    specs: readonly AppSpec[],
    found: (files: readonly string[]) => void,
  ) {
    this.#found = found;
    this.#want(specs.flatMap(filesOf));
    const { port1, port2 } = (this.#channel = new MessageChannel());
    register("./import-hook.js", import.meta.url, {
      data: port2,
      transferList: [port2],
    });
    port1.unref();
    watchApplicationFiles(found);
  }

  /** Another file may mend it. */
  noteError(error: unknown): void {
    for (const file of filesNamedBy(error)) this.#seen.add(file);
    this.#want(filesLackedBy(error));
  }

  /** Those so far, without packages. Node says what it imports; what jiti and `require` load is in their cache. */
  tell(): void {
    for (let told; (told = receiveMessageOnPort(this.#channel.port1));)
      this.#seen.add(fileURLToPath(told.message as string));
    const { cache } = createRequire(import.meta.url);
    const imported = [...this.#seen, ...Object.keys(cache)].filter(
      (file) =>
        !file.includes("/node_modules/") &&
        !file.endsWith(".node") &&
        !OWN.some((folder) => file.startsWith(folder)),
    );
    this.#found([...new Set([...this.#wanted, ...imported])]);
  }

  #want(files: readonly string[]): void {
    for (const file of files) this.#wanted.add(file);
  }
}

/** Those of which one has to be there. Python tells its own. */
const filesOf = ({ kind, file }: AppSpec): string[] =>
  kind === "python"
    ? []
    : [file, ...(isModuleName(file) ? [`${file}.py`] : [])].map((name) =>
        resolve(name),
      );
