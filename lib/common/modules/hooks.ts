/**
 * What Node asks when it imports a file: where it is, and what it says. In the thread that imports, or, before Node.js
 * 22.15, in Node's own for hooks.
 */
import type { LoadHook, ResolveHook } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { MessagePort } from "node:worker_threads";
import { compile } from "./compile.ts";
import { isCompiled } from "../source-files.ts";
import { starredBy } from "./starred.ts";
import { typescriptPath } from "./typescript-path.ts";

/** For the name of each file that is imported. */
let port: MessagePort;

export function initialize(given: MessagePort): void {
  port = given;
}

export const resolve: ResolveHook = (specifier, context, next) => {
  const url = urlOf(specifier, context.parentURL);
  if (url === undefined) return next(specifier, context);
  const isJson = /\.json($|[?#])/.test(url);
  return {
    url,
    importAttributes: isJson ? { type: "json" } : context.importAttributes,
    shortCircuit: true,
  };
};

/** With its query, by which a module is loaded again. */
function urlOf(
  specifier: string,
  importer: string | undefined,
): string | undefined {
  if (importer?.startsWith("file:") !== true) return undefined;
  const [, plain = "", query = ""] = /^(.[^?#]*)(.*)$/s.exec(specifier) ?? [];
  if (/^[a-z]+:/i.test(plain)) return undefined;
  const file = typescriptPath(decodeURI(plain), fileURLToPath(importer));
  return file && pathToFileURL(file).href + query;
}

export const load: LoadHook = (url, context, next) => {
  if (!url.startsWith("file:")) return next(url, context);
  port.postMessage(url);
  const file = fileURLToPath(url);
  if (!isCompiled(file)) return next(url, context);
  const { format, code, map } = compile(file);
  const source =
    format === "module" ? code + map : REQUIRED + code + starredBy(file, code);
  return { format, source, shortCircuit: true };
};

/** A module of CommonJS has it once `require` runs it. */
export const BEGUN = Symbol.for("eddy:begun");

/**
 * CommonJS is run by `require`, so that there is one copy of it: Node's own is taken away, unless `require` has begun
 * with it. What follows tells Node the names of its exports.
 */
const REQUIRED = `
  if (module[Symbol.for("eddy:begun")]) return;
  delete require("node:module")._cache[__filename];
  module.exports = require("node:module").createRequire(__filename)(__filename);
  return;
`;
