/** Imports what is the user's: JavaScript as Node does, and TypeScript, too. */
import { pathToFileURL } from "node:url";
import { isCompiled } from "./compiled.ts";

type Exports = Readonly<Record<string, unknown>>;

/**
 * What it exports, also where it was compiled to CommonJS.
 *
 * @param file a path, or a URL.
 * @throws what the module throws.
 */
export async function importModule(file: string | URL): Promise<Exports> {
  const { href, pathname } =
    typeof file === "string" ? pathToFileURL(file) : file;
  if (isCompiled(pathname)) await import("./use-hooks.ts");
  const module = (await import(href)) as Exports;
  const { default: exports } = module;
  return Reflect.has(Object(exports) as object, "__esModule")
    ? (exports as Exports)
    : module;
}

/** What is imported from now on is noted, also by `require`. @returns what gives those files, without packages. */
export async function noteImports(): Promise<() => string[]> {
  const { loadedFiles } = await import("./use-hooks.ts");
  return loadedFiles;
}
