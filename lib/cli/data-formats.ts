/**
 * The formats of config files that are data. What is wrong in one is said without its text, where secrets may stand.
 */
import { CommandFailure, EXIT } from "./failure.ts";

/** By extension. The errors of the JSON5 parser say where, which those of `JSON.parse` do by what stands there. */
export const FORMATS: Readonly<
  Record<string, (source: string, parsers: Parsers) => unknown>
> = {
  ".json": (source, { parseJSON5 }) => parseJSON5(source),
  ".yaml": (source, { parseYAML }) => parseYAML(source),
  ".toml": (source, { parseTOML }) => parseTOML(source),
  ".ini": (source, { parseINI }) => parseINI(withoutRepeats(source)),
};

/** Loaded for who has such a file. */
type Parsers = typeof import("confbox");

/** The parsers of YAML and TOML refuse a key that stands twice; this one silently takes the last. */
function withoutRepeats(source: string): string {
  const seen = new Set<string>();
  let section = "";
  for (const [i, line] of source.split("\n").entries()) {
    const [, heading, key] = INI_LINE.exec(line) ?? [];
    if (heading !== undefined) section = heading;
    if (key === undefined || key.endsWith("[]")) continue;
    const name = `[${section}] ${key}`;
    if (seen.has(name))
      throw Object.assign(
        new Error(`${key} stands there twice; a list has commas`),
        { line: i + 1 },
      );
    seen.add(name);
  }
  return source;
}

/** `[section]`, or `key = value`. */
const INI_LINE = /^\s*(?:\[(.*)\]|([^;#=\s][^=]*?)\s*=)/;

/** An empty line or a comment: YAML takes neither for a document. */
const NO_SETTING = /^\s*([#;]|$)/;

/** @throws {CommandFailure} that says what is wrong in the file, and where. */
export async function parseData(
  path: string,
  extension: string,
  source: string,
): Promise<unknown> {
  if (source.split("\n").every((line) => NO_SETTING.test(line))) return {};
  const parsers = await import("confbox");
  try {
    return FORMATS[extension]!(source, parsers);
  } catch (error) {
    const { reason, place } = faultIn(error as ParseError);
    throw new CommandFailure(
      EXIT.usage,
      `${[path, ...place].join(":")} is not valid ${extension.slice(1).toUpperCase()}: ${reason}`,
    ); // without a cause, which has the text
  }
}

/** Some of it has the error of each parser. */
interface ParseError extends Error {
  readonly reason?: string;
  /** Counted from 0. */
  readonly mark?: { readonly line: number; readonly column: number };
  readonly line?: number;
  readonly column?: number;
  readonly lineNumber?: number;
  readonly columnNumber?: number;
}

function faultIn(error: ParseError): {
  reason: string;
  place: readonly number[];
} {
  const { message, reason = message, mark } = error;
  const line = mark ? mark.line + 1 : (error.line ?? error.lineNumber);
  const column = mark ? mark.column + 1 : (error.column ?? error.columnNumber);
  return {
    reason: AROUND.reduce((text, part) => text.replace(part, ""), reason),
    place: [line, column].filter((number) => number !== undefined),
  };
}

/**
 * What is no reason: whose error it is, what the file has there, and where. A value may begin as a name in YAML does.
 */
const AROUND = [
  /^(?:JSON5|Invalid TOML document): /,
  /\n.*/s,
  / at \d+:\d+$/,
  / ?(?:".*"|!<.*>)/,
  /(?<= (?:characters|malformed)): .*/,
];
