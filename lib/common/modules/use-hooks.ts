/** Has Node run TypeScript in this thread, and notes what is imported: from the import of this file on. */
import Module, {
  createRequire,
  register,
  type LoadHook,
  type ResolveHook,
} from "node:module";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { isTheirs } from "../source-files.ts";
import { initialize, load, resolve } from "./hooks.ts";
import "./require-hook.ts";

/** Later than the types that we have. */
interface NewerModule {
  /** From Node.js 22.15 on. */
  readonly registerHooks?: (hooks: {
    resolve: ResolveHook;
    load: LoadHook;
  }) => void;
  /** From Node.js 22.14 on. */
  readonly setSourceMapsSupport?: (
    on: true,
    where: { nodeModules: boolean },
  ) => void;
}

const { registerHooks, setSourceMapsSupport } = Module as NewerModule;

/** Stacks have the lines of the files that were compiled. */
export function mapStacks(): void {
  if (setSourceMapsSupport === undefined) process.setSourceMapsEnabled(true);
  else setSourceMapsSupport(true, { nodeModules: false });
}

const { port1: noted, port2: notes } = new MessageChannel();
noted.unref();
if (registerHooks === undefined)
  register("./hooks.js", import.meta.url, {
    data: notes,
    transferList: [notes],
  });
else {
  initialize(notes);
  registerHooks({ resolve, load });
}

const imported = new Set<string>();

/** Those so far, without packages. Node says what it imports; what `require` loads is in its cache. */
export function loadedFiles(): string[] {
  for (let note; (note = receiveMessageOnPort(noted));)
    imported.add(fileURLToPath(note.message as string));
  const { cache } = createRequire(import.meta.url);
  return [...new Set([...imported, ...Object.keys(cache)])].filter(
    (file) => isTheirs(file) && !file.endsWith(".node"),
  );
}
