/** Has `require` take TypeScript: found as imports find it, and compiled to CommonJS. */
import Module from "node:module";
import { resolve } from "node:path";
import { resolveExports } from "resolve-pkg-maps";
import { COMPILED } from "../source-files.ts";
import { compileAsCommonJs } from "./compile.ts";
import { BEGUN } from "./hooks.ts";
import { packageOf } from "./package-of.ts";
import { typescriptPath } from "./typescript-path.ts";

/** Node's loader for CommonJS. */
interface Loader {
  readonly _extensions: Record<string, (module: Loaded, file: string) => void>;
  _resolveFilename: (
    request: string,
    parent: Loaded | undefined,
    ...rest: unknown[]
  ) => string;
}

interface Loaded {
  readonly exports: object;
  readonly filename?: string | null;
  _compile(code: string, file: string, format: "commonjs"): void;
}

const loader = Module as unknown as Loader;

for (const extension of COMPILED)
  loader._extensions[extension] = (module, file) => {
    const { code, map } = compileAsCommonJs(file);
    Object.assign(module, { [BEGUN]: true });
    const { exports } = module;
    module._compile(code + map, file, "commonjs");
    if (module.exports === exports && Object.keys(exports).length === 0)
      Object.defineProperty(exports, "__esModule", { value: true }); // a module without exports, and no empty object
  };

const { _resolveFilename } = loader;

loader._resolveFilename = (request, parent, ...rest) => {
  const own = typescriptPath(request, parent?.filename ?? "");
  if (own !== undefined) return own;
  const found = _resolveFilename.call(loader, request, parent, ...rest);
  return SHARED.test(request) ? asImported(request, found) : found;
};

/** Of what eddy gives and takes there has to be one copy: that which `import` finds. */
const SHARED = /^effection(\/|$)/;

function asImported(request: string, required: string): string {
  const { folder, exports } = packageOf(required)!;
  if (exports === undefined) return asImported(request, folder); // it says the kind of a folder alone
  const path = request.replace(SHARED, "");
  const [target] = resolveExports(exports, path, ["import"]);
  return resolve(folder, target!);
}
