/** The names that TypeScript compiled to CommonJS has by `export *`: Node looks for such names in JavaScript alone. */
import { createRequire } from "node:module";
import { compileAsCommonJs } from "./compile.ts";
import { typescriptPath } from "./typescript-path.ts";

/** Code from which Node knows them; it never runs. `code` is what `file` was compiled to. */
export function starredBy(file: string, code: string): string {
  return starred(file, code, new Set([file])).join("");
}

function starred(file: string, code: string, seen: Set<string>): string[] {
  const [stars = ""] = STARS.exec(code) ?? [];
  return [...stars.matchAll(REQUIRED)].flatMap(([, specifier]) => {
    const from = typescriptPath(specifier!, file);
    if (from === undefined) return looksItself(specifier!, file);
    if (seen.has(from)) return [];
    seen.add(from);
    const { code: its } = compileAsCommonJs(from);
    return [...namesIn(its).map(exported), ...starred(from, its, seen)];
  });
}

/** All but `default`, which `export *` leaves out. */
function namesIn(code: string): string[] {
  const [, only] = ONLY.exec(code) ?? [];
  const [list = ""] = LIST.exec(code) ?? [];
  const listed = [...list.matchAll(LISTED)].map(([, name]) => name!);
  return [only ?? [], listed].flat().filter((name) => name !== "default");
}

const exported = (name: string): string =>
  `exports[${JSON.stringify(name)}] = 0;\n`;

const looksItself = (specifier: string, file: string): string =>
  `0 && __export(require(${JSON.stringify(createRequire(file).resolve(specifier))}));\n`;

/** How SWC says it: `0 && __export(require("./a")) && __export(require("./b"));` */
const STARS = /^0 && __export\(.*$/m;
const REQUIRED = /require\("(.+?)"\)/g;

/** `0 && (module.exports = {`, and a line for each name: `    a: null,`, `    "b-c": null`. */
const LIST = /^0 && \(module\.exports = \{$.*?^\}\);$/ms;
const LISTED = /^ +"?(.+?)"?: null/gm;

/** Of a file that has one. */
const ONLY = /^Object\.defineProperty\(exports, "((?!__esModule")[^"]+)", \{$/m;
