/** Where an error of the user's code comes from. */
import { spawnSync } from "node:child_process";
import { relative } from "node:path";
import { pathToFileURL } from "node:url";
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
  const place = placesIn(error.stack ?? "").find(isTheirs);
  const at = place ?? (error instanceof SyntaxError && placeOfSyntax(entry));
  return at ? `${message}\n  at ${relative(process.cwd(), at)}` : message;
}

/** `/path/file.js:12`. */
const placesIn = (trace: string): string[] =>
  [...trace.matchAll(/(?:file:\/\/|^|[(\s])(\/[^\s:()]+:\d+)/gm)].map(
    ([, place]) => place!,
  );

/** Where a module is no JavaScript, Node prints, but the error that it throws does not say it. */
function placeOfSyntax(entry: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, readOnly(entry), {
    encoding: "utf8",
  });
  return placesIn(stderr)[0];
}

/** Reads all that a file imports. What runs first ends the process, before any of it. */
function readOnly(entry: string): string[] {
  const first = `import "data:text/javascript,process.exit()";`;
  const modules = `${first} import ${JSON.stringify(pathToFileURL(entry))};`;
  const hooks = new URL("../common/modules/use-hooks.js", import.meta.url);
  const code = isCompiled(entry)
    ? `await import("${hooks}"); await import(${JSON.stringify(`data:text/javascript,${encodeURIComponent(modules)}`)});`
    : modules;
  return ["--input-type=module", "--eval", code];
}
