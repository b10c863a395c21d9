/** Imports what is the user's: JavaScript as Node does, and TypeScript, too. */
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { isCompiled } from "../source-files.ts";

type Exports = Readonly<Record<string, unknown>>;

/** What a file (a path) or URL exports, also where it was compiled to CommonJS. @throws what the module throws. */
export async function importModule(file: string | URL): Promise<Exports> {
  const { href, pathname } =
    typeof file === "string" ? pathToFileURL(file) : file;
  if (isCompiled(pathname)) (await import("./use-hooks.ts")).mapStacks();
  const module = await whole(import(href) as Promise<Exports>);
  const exports = module["default"] as Exports | null | undefined;
  return exports?.["__esModule"] === true ? exports : module;
}

/**
 * What an import gives, or fails with. When a module in CommonJS throws below one that awaits, Node.js 20 rejects a
 * promise of its own with the same error, and would end the process.
 */
async function whole(importing: Promise<Exports>): Promise<Exports> {
  if (!IS_NODE_20) return await importing;
  const rejections: unknown[] = [];
  const note = (reason: unknown): void => void rejections.push(reason);
  process.on("unhandledRejection", note);
  let failure: unknown;
  try {
    return await importing;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    await setImmediate(); // Node tells of them behind the turn
    process.off("unhandledRejection", note);
    for (const reason of rejections)
      if (reason !== failure) void Promise.reject(reason as Error);
  }
}

const IS_NODE_20 = process.versions.node.startsWith("20.");

/** What is imported from now on is noted, also by `require`. @returns what gives those files, without packages. */
export async function noteImports(): Promise<() => string[]> {
  const { loadedFiles } = await import("./use-hooks.ts");
  return loadedFiles;
}
