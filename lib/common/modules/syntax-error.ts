/** What SWC says of a file that it cannot compile, as an error of ours. */
import { stripVTControlCharacters } from "node:util";

/** Where it is, and what: `,-[/app.ts:2:1]`, the lines around it, and a `^` below the place. */
const REPORT = /^ *x (.+)\n *,-\[.*:(\d+):\d+\]\n([^]*?)^ *`-/m;

export function syntaxError(file: string, report: string): Error {
  const [, what, line, lines] =
    REPORT.exec(stripVTControlCharacters(report)) ?? [];
  if (what === undefined) return new SyntaxError(`${file}: ${report}`);
  const column = columnIn(lines!);
  const error = new SyntaxError(
    `${file}:${line}:${column}: ${what}\n${lines!.trimEnd()}`,
  );
  error.stack = `SyntaxError: ${what}\n    at ${file}:${line}:${column}`;
  return error;
}

/** The first that is marked, behind ` 12 | `. */
function columnIn(lines: string): number {
  const [, before = ""] = /^ *: ([^^]*)\^/m.exec(lines) ?? [];
  return before.length + 1;
}
