/** Hypercorn's config files: TOML, or Python with `file:` in front, as its flag `--config` takes them. */
import { readFileSync } from "node:fs";
import { parseTOML } from "confbox";
import { readPython } from "./read-python.ts";
import type { ForeignOption } from "./rules.ts";
import { text } from "./values.ts";

/**
 * The keys of a file of TOML.
 *
 * @throws {Error} saying where it is none, without its text.
 */
export function readHypercorn(source: string): ForeignOption[] {
  const lines = source.split("\n");
  return Object.entries(parsed(source)).map(([name, value]) => {
    const at = lines.findIndex((line) => KEY.exec(line)?.[1] === name);
    return { name, value, line: at + 1, written: lines[at]?.trim() ?? name };
  });
}

/** A key of the first level: `name = value`, `"name" = value`, or the head of a table. */
const KEY = /^\s*\[*\s*"?([\w-]+)"?\s*(?:[=.\]]|$)/;

function parsed(source: string): object {
  try {
    return parseTOML(source);
  } catch (error) {
    const { line, message } = error as Error & { readonly line?: number };
    const [reason] = message.split("\n", 1);
    throw new Error(line === undefined ? reason : `line ${line}: ${reason}`);
  }
}

/**
 * The options of a command line, with those of the file that it names; flags go before what stands there.
 *
 * @param python the interpreter that reads it, if it is Python.
 */
export function withConfigFile(
  options: readonly ForeignOption[],
  python: string,
): readonly ForeignOption[] {
  const named = options.findLast(({ name }) => name === "config");
  const [, kind, path] =
    /^(?:(file|python):)?(.+)$/.exec(text(named?.value ?? "")) ?? [];
  if (path === undefined || kind === "python") return options; // a module may be anywhere
  const source = readFileSync(path, "utf8");
  const inFile =
    kind === "file"
      ? readPython(source, python, "Hypercorn")
      : readHypercorn(source);
  const flags = options.filter((one) => one !== named);
  const isFlag = new Set(flags.map(({ name }) => name));
  return [
    ...inFile
      .filter(({ name }) => !isFlag.has(name))
      .map((one) => ({ ...one, file: path })),
    ...flags,
  ];
}
