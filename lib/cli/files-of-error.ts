/** Which files may help an application that does not load: those that its error names, and those that it lacks. */
import { existsSync } from "node:fs";
import { dirname, extname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Those in its messages and stacks. */
export const filesNamedBy = (error: unknown): string[] =>
  withCauses(error).flatMap((one) => placesIn(`${one.message}\n${one.stack}`));

/** Where a module that was looked for in vain may come to be. */
export const filesLackedBy = (error: unknown): string[] =>
  withCauses(error).flatMap((one) => lackedBy(one));

function withCauses(error: unknown): Error[] {
  return error instanceof Error ? [error, ...withCauses(error.cause)] : [];
}

const placesIn = (text: string): string[] =>
  [...text.matchAll(/(?:file:\/\/|^|[(\s'])(\/[^\s:()']+):\d+/gm)]
    .map(([, file]) => file!)
    .filter((file) => existsSync(file));

/** An import says who imports, `require` says it in a property. */
function lackedBy(error: Error): string[] {
  const { code, requireStack } = error as NodeRequireError;
  if (code !== "MODULE_NOT_FOUND" && code !== "ERR_MODULE_NOT_FOUND") return [];
  const [, name, importer = requireStack?.[0]] =
    /'([^']+)'(?: imported from (.+))?/.exec(error.message) ?? [];
  if (name === undefined || importer === undefined) return [];
  const folder = dirname(importer);
  const path = name.startsWith("file:") ? fileURLToPath(name) : name;
  return isAbsolute(path) || /^\.\.?(\/|$)/.test(path)
    ? namesOf(resolve(folder, path))
    : packagesOf(folder, path);
}

type NodeRequireError = NodeJS.ErrnoException & {
  readonly requireStack?: readonly string[];
};

const EXTENSIONS = ["ts", "mts", "cts", "tsx", "js", "mjs", "cjs", "json"];

/** An import may leave the extension out, and `.js` may mean `.ts`. */
function namesOf(path: string): string[] {
  const extension = extname(path).slice(1);
  const stem = EXTENSIONS.includes(extension)
    ? path.slice(0, -extension.length - 1)
    : path;
  const ends = EXTENSIONS.flatMap((end) => [`.${end}`, `/index.${end}`]);
  return [...new Set([path, ...ends.map((end) => stem + end)])];
}

/** Where an installation would put it: beside the `package.json` of the importer. */
function packagesOf(folder: string, name: string): string[] {
  const [scope, rest] = name.split("/") as [string, string?];
  const own = scope.startsWith("@") ? join(scope, rest ?? "") : scope;
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, "package.json")))
      return [join(at, "node_modules", own)];
    if (at === dirname(at)) return [];
  }
}
