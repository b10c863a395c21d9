/**
 * Imports a file of the user's. What Node can run, Node imports. TypeScript goes through jiti, which works in packages
 * of both kinds, knows enums and parameter properties, and shares with Node the packages that it does not transform:
 * an application has to get the same `eddy` and `effection` as the worker that runs it.
 */
import { extname } from "node:path";
import { pathToFileURL } from "node:url";

const TYPESCRIPT = [".ts", ".mts", ".cts", ".tsx"];

/** @throws what the module throws. */
export async function importModule(path: string): Promise<unknown> {
  if (!TYPESCRIPT.includes(extname(path)))
    return await import(pathToFileURL(path).href);
  const { createJiti } = await import("jiti"); // slow to load, and seldom needed
  return await createJiti(import.meta.url, {
    nativeModules: ["eddy", "effection"],
    interopDefault: false,
    // No compiled code in the temporary folder: whoever makes jiti's folder there first would say what runs.
    fsCache: false,
    esmEvalTempFile: false,
  }).import(path);
}
