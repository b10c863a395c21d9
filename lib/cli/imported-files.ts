/** Which files the application was made of, and which it lacks, for whoever watches them. */
import { resolve } from "node:path";
import { watchApplicationFiles } from "../common/application-files.ts";
import { isTheirs } from "../common/source-files.ts";
import type { AppSpec } from "./app-spec.ts";
import { filesLackedBy, filesNamedBy } from "./files-of-error.ts";
import { isModuleName } from "./python-name.ts";

export class ImportedFiles {
  readonly #seen = new Set<string>();
  readonly #wanted = new Set<string>();
  readonly #loaded: () => readonly string[];
  readonly #found: (files: readonly string[]) => void;

  /**
   * @param loaded gives what was imported so far.
   * @param found gets them: those that another process imports, when it does.
   */
  constructor(
    specs: readonly AppSpec[],
    loaded: () => readonly string[],
    found: (files: readonly string[]) => void,
  ) {
    this.#loaded = loaded;
    this.#found = found;
    this.#want(specs.flatMap(filesOf));
    watchApplicationFiles(found);
  }

  /** Another file may mend it. */
  noteError(error: unknown): void {
    for (const file of filesNamedBy(error).filter(isTheirs))
      this.#seen.add(file);
    this.#want(filesLackedBy(error));
  }

  /** Those so far, without packages. */
  tell(): void {
    const files = [...this.#wanted, ...this.#seen, ...this.#loaded()];
    this.#found([...new Set(files)]);
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
