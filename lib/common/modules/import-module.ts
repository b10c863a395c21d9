/** Imports what is the user's: JavaScript as Node does, and TypeScript, too. */
import { pathToFileURL } from "node:url";
import { isCompiled } from "../source-files.ts";

type Exports = Readonly<Record<string, unknown>>;

/** What a file (a path) or URL exports, also where it was compiled to CommonJS. @throws what the module throws. */
export async function importModule(file: string | URL): Promise<Exports> {
  const { href, pathname } =
    typeof file === "string" ? pathToFileURL(file) : file;
  if (isCompiled(pathname)) (await import("./use-hooks.ts")).mapStacks();
  const module = (await import(href)) as Exports;
  const exports = module["default"] as Exports | null | undefined;
  return exports?.["__esModule"] === true ? exports : module;
}

/** What is imported from now on is noted, also by `require`. @returns what gives those files, without packages. */
export async function noteImports(): Promise<() => string[]> {
  const { loadedFiles } = await import("./use-hooks.ts");
  return loadedFiles;
}
