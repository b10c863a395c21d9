/**
 * The tables of docs/python.md that say what becomes of another server's options. Run as a program (`npm run docs`) it
 * writes them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { GRANIAN } from "../../lib/cli/import/granian.ts";
import { GUNICORN } from "../../lib/cli/import/gunicorn.ts";
import { HYPERCORN } from "../../lib/cli/import/hypercorn.ts";
import type {
  TranslationRule,
  TranslationTable,
} from "../../lib/cli/import/rules.ts";
import { UVICORN } from "../../lib/cli/import/uvicorn.ts";
import { UWSGI } from "../../lib/cli/import/uwsgi.ts";
import { LOOP_OPTIONS } from "../../lib/cli/loop-options.ts";
import { PYTHON_OPTIONS } from "../../lib/cli/python-options.ts";
import { ROOT } from "./root.ts";

export const PAGE = join(ROOT, "docs/python.md");

/** In code, where it is more than an option of `python()` or of the loop. */
const IN_CODE: Readonly<Record<string, string>> = {
  app: "the name",
  mount: "`loop.mount`",
  http: "`serve`, `listen`",
  uwsgi: "`listen({ uwsgi })`",
  settings: "`env`",
  chdir: "`chdir`",
  ...Object.fromEntries(
    Object.entries(PYTHON_OPTIONS).map(([key, option]) => [
      key,
      `\`${option}\``,
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(LOOP_OPTIONS).map(([key, option]) => [
      key,
      `\`${option}\` of the loop`,
    ]),
  ),
  accessLog: "`accessLog` of the loop",
};

const code = (names: readonly string[]): string =>
  names.map((name) => `\`${name}\``).join(", ");

function cells(rule: TranslationRule): string[] {
  if ("needless" in rule) return ["not needed", "", rule.needless];
  if ("missing" in rule) return ["none", "", rule.missing];
  const inCode = rule.becomes.flatMap((key) => IN_CODE[key] ?? []);
  return [code(rule.becomes), inCode.join(", "), rule.remark ?? ""];
}

function table({ server, rules }: TranslationTable): string {
  const rows = Object.entries(rules).map(([names, rule]) => [
    code(names.split(", ")),
    ...cells(rule),
  ]);
  return [
    [server, "setting", "in code", "remark"],
    ["---", "---", "---", "---"],
    ...rows,
  ]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}

/** The page with its tables as they should be. */
export function withTables(page: string): Promise<string> {
  const filled = [GUNICORN, UWSGI, UVICORN, HYPERCORN, GRANIAN].reduce(
    (text, source) =>
      text.replace(
        new RegExp(
          `(<!-- options of ${source.server} -->)[^]*(<!-- end of ${source.server} -->)`,
        ),
        `$1\n\n${table(source)}\n\n$2`,
      ),
    page,
  );
  return format(filled, { parser: "markdown" });
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(PAGE, await withTables(readFileSync(PAGE, "utf8")));
