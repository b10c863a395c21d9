/** `eddy import FILE`, `eddy import -- uvicorn app:app`: translates the config of another server. */
import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { attempt, EXIT } from "../failure.ts";
import { COMMAND_LINES, readCommandLine } from "./command-lines.ts";
import { GUNICORN } from "./gunicorn.ts";
import { HYPERCORN } from "./hypercorn.ts";
import { readHypercorn } from "./read-hypercorn.ts";
import { readPython } from "./read-python.ts";
import { readUwsgi, UWSGI_EXTENSIONS } from "./read-uwsgi.ts";
import type { TranslationTable, ForeignOption } from "./rules.ts";
import { translate } from "./translate.ts";
import { UWSGI } from "./uwsgi.ts";
import { asConfigFile, isLost, summary } from "./write.ts";

export interface Imported {
  /** An eddy.config.yaml. */
  readonly config: string;
  readonly summary: string;
  /** Nothing was lost. */
  readonly complete: boolean;
}

/**
 * Does not run anything in the file.
 *
 * @param words of the command line, where `file` is a program.
 * @param python the interpreter that reads it, if it is Python.
 * @throws {CommandFailure} for a file that cannot be read.
 */
export function importFile(
  file: string,
  python: string,
  words: readonly string[] = [],
): Imported {
  const { source, options } = read(file, python, words);
  const translation = translate(source, options);
  const from = { file, server: source.server };
  return {
    config: asConfigFile(translation, from),
    summary: summary(translation, from),
    complete: !translation.options.some(isLost),
  };
}

function read(
  file: string,
  python: string,
  words: readonly string[],
): { source: TranslationTable; options: readonly ForeignOption[] } {
  const extension = extname(file);
  return attempt(EXIT.usage, `cannot import ${file}`, () => {
    const program = COMMAND_LINES[basename(file)];
    if (program !== undefined) {
      const flags = readCommandLine(program, words);
      const options = program.withFile?.(flags, python) ?? flags;
      return { source: program.table, options };
    }
    const text = readFileSync(file, "utf8");
    if (extension === ".py")
      return {
        source: GUNICORN,
        options: readPython(text, python, GUNICORN.server),
      };
    if (extension === ".toml")
      return { source: HYPERCORN, options: readHypercorn(text) };
    if (UWSGI_EXTENSIONS.includes(extension))
      return { source: UWSGI, options: readUwsgi(file, text) };
    throw new Error(
      `a file of uWSGI ends with ${UWSGI_EXTENSIONS.join(", ")}, one of Gunicorn with .py, and one of Hypercorn with .toml`,
    );
  });
}
