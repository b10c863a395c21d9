/** A file that the doctor reads, and its words. */
import { readFileSync } from "node:fs";
import { attempt, EXIT } from "../failure.ts";

export const readText = (file: string): string =>
  attempt(EXIT.usage, "cannot read what the doctor shall look at", () =>
    readFileSync(file, "utf8"),
  );

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
