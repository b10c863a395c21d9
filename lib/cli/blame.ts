/** Where an error of the user's code comes from. */
import { spawnSync } from "node:child_process";
import { relative } from "node:path";
import { isCompiled, isTheirs } from "../common/source-files.ts";
import { describe } from "../common/thrown.ts";

/**
 * `TypeError: …` and the first place in the stack that is the user's own.
 *
 * @param entry the file that was to be imported.
 */
export function blame(error: unknown, entry: string): string {
  if (!(error instanceof Error)) return `it throws ${describe(error)}`;
  const text = error.message.trimEnd();
  const message = /^\w*Error: /.test(text) ? text : `${error.name}: ${text}`;
  const place = placeOfSyntax(error, entry) ?? placeIn(error.stack ?? "");
  return place === undefined ? message : `${message}\n  at ${place}`;
}

function placeIn(trace: string): string | undefined {
  for (const [, file, line] of trace.matchAll(
    /(?:file:\/\/|[(\s])(\/[^\s:()]+):(\d+)/g,
  ))
    if (isTheirs(file!)) return `${relative(process.cwd(), file!)}:${line}`;
  return undefined;
}

/** Node prints where JavaScript has a syntax error, but the error that it throws does not say it. */
function placeOfSyntax(error: Error, entry: string): string | undefined {
  if (!(error instanceof SyntaxError) || isCompiled(entry)) return undefined;
  const check = spawnSync(process.execPath, ["--check", entry], {
    encoding: "utf8",
  });
  return placeIn(` ${check.stderr}`);
}
