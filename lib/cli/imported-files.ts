/** Which files the application was made of, for whoever watches them. */
import { createRequire, register } from "node:module";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";

/** Of eddy itself, which is no package where it runs from its checkout. */
const OWN = ["../", "../../adapters/"].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);

export class ImportedFiles {
  readonly #urls = new Set<string>();
  readonly #channel: MessageChannel | undefined;

  /** `wanted`: what is imported from now on is noted, which costs a thread. */
  constructor(wanted: boolean) {
    if (!wanted) return;
    const { port1, port2 } = (this.#channel = new MessageChannel());
    register("./import-hook.js", import.meta.url, {
      data: port2,
      transferList: [port2],
    });
    port1.unref();
  }

  /** So far, without packages. Node tells of what it imports; what jiti and `require` load is in their cache. */
  list(): string[] {
    if (this.#channel === undefined) return [];
    for (let seen; (seen = receiveMessageOnPort(this.#channel.port1));)
      this.#urls.add(seen.message as string);
    const { cache } = createRequire(import.meta.url);
    return [
      ...[...this.#urls].map((url) => fileURLToPath(url)),
      ...Object.keys(cache),
    ].filter(
      (file) =>
        !file.includes("/node_modules/") &&
        !file.endsWith(".node") &&
        !OWN.some((folder) => file.startsWith(folder)),
    );
  }
}
