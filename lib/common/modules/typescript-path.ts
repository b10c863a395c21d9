/** Which file an import in TypeScript means: `./a.js` may be `a.ts`, `./a` `a/index.ts`, and `@/a` by `paths`. */
import { realpathSync, statSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, extname, resolve } from "node:path";
import { resolveImports } from "resolve-pkg-maps";
import { COMPILED, isCompiled } from "../source-files.ts";
import { packageOf } from "./package-of.ts";
import { tsconfigOf } from "./tsconfig.ts";

/** What may stand for what an import says. */
const INSTEAD: Readonly<Record<string, readonly string[]>> = {
  ".js": [".ts", ".tsx", ".jsx"],
  ".jsx": [".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
};

/** What an import may leave out. */
const LEFT_OUT = [...COMPILED, ".js", ".mjs", ".cjs", ".json"];

/** Undefined: it is Node that knows. `specifier` is no URL. */
export function typescriptPath(
  specifier: string,
  importer: string,
): string | undefined {
  if (!isCompiled(importer) || isBuiltin(specifier)) return undefined;
  const file = pathsOf(specifier, importer).map(fileAt).find(Boolean);
  return file && realpathSync(file); // as with Node: one copy, whichever link leads to it
}

function pathsOf(specifier: string, importer: string): string[] {
  if (/^(\.{0,2}\/|\.{1,2}$)/.test(specifier))
    return [resolve(dirname(importer), specifier)];
  const mapped = tsconfigOf(importer).paths(specifier);
  if (!specifier.startsWith("#")) return mapped;
  const { folder = "", imports = {} } = packageOf(importer) ?? {};
  const conditions = ["node", "import"];
  const own = resolveImports(imports, specifier, conditions);
  return [...mapped, ...own.map((target) => resolve(folder, target))];
}

/** TypeScript comes first, as what is beside it was made of it. */
function fileAt(path: string): string | undefined {
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  return [
    ...(INSTEAD[extension] ?? []).map((instead) => stem + instead),
    path,
    ...LEFT_OUT.map((left) => path + left),
    ...LEFT_OUT.map((left) => resolve(path, `index${left}`)),
  ].find((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
}
