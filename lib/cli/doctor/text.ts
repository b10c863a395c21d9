/** Files that the doctor reads, and their words. */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { attempt, EXIT } from "../failure.ts";

export interface Source {
  readonly file: string;
  readonly text: string;
  /** Somebody has named it, and not the folder that it is in. */
  readonly isNamed: boolean;
}

/** A file, or all in a folder that may be somebody's configuration. @throws {CommandFailure} if it cannot be read. */
export function sourcesOf(path: string): Source[] {
  const isFolder = attempt(EXIT.usage, UNREADABLE, () =>
    statSync(path).isDirectory(),
  );
  return isFolder
    ? [...filesIn(path)]
        .map((file) => ({ file, text: readText(file), isNamed: false }))
        .filter(({ text }) => !text.includes("\0"))
    : [{ file: path, text: readText(path), isNamed: true }];
}

/** Each once: links of `sites-enabled` and `multi-user.target.wants` lead to what is there anyway. */
function* filesIn(folder: string, seen = new Set<string>()): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith(".") && name !== "node_modules")
    .sort((a, b) => Number(a.isDirectory()) - Number(b.isDirectory()));
  for (const entry of entries) {
    const { name } = entry;
    const path = join(folder, name);
    if (entry.isDirectory()) yield* filesIn(path, seen);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile() || stat.size > LARGEST) continue;
    if (OTHERS.has(extname(name)) && !CONFIG.test(name)) continue;
    const real = realpathSync(path);
    if (!seen.has(real)) yield path;
    seen.add(real);
  }
}

/** The name of eddy's own config files. */
export const CONFIG = /^eddy\.config\.\w+$/;

/** Bytes: configurations are smaller. */
const LARGEST = 1_000_000;

/** Endings of programs, texts and data. */
const OTHERS: ReadonlySet<string> = new Set(
  ".md .txt .rst .log .lock .js .mjs .cjs .ts .mts .cts .tsx .jsx .json .map .py .rb .go .rs .java .sh .html .css .svg .pem .crt .key .csv .sql".split(
    " ",
  ),
);

const UNREADABLE = "cannot read what the doctor shall look at";

export const readText = (file: string): string =>
  attempt(EXIT.usage, UNREADABLE, () => readFileSync(file, "utf8"));

/** As a shell takes a line apart: quotes keep together what they enclose. */
export const wordsOf = (line: string): string[] =>
  [...line.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g)].map(
    ([word]) => word.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, "$1$2$3"),
  );

/** The line of the first match, from 1; that of the first one without any. */
export function lineOf(text: string, pattern: RegExp): number {
  const at = text.search(pattern);
  return at < 0 ? 1 : text.slice(0, at).split("\n").length;
}
