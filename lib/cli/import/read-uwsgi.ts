/**
 * Reads uWSGI's config files: INI as it has it, YAML and JSON.
 *
 * https://uwsgi-docs.readthedocs.io/en/latest/Configuration.html
 */
import { availableParallelism, hostname } from "node:os";
import { basename, dirname, extname, parse, resolve } from "node:path";
import { parseJSONC, parseYAML } from "confbox";
import { lineOf } from "../config-files.ts";
import type { ForeignOption } from "./rules.ts";

type Line = ForeignOption & { readonly value: string };

/** @throws {Error} saying what is wrong with the file. */
export function readUwsgi(file: string, source: string): ForeignOption[] {
  const lines = FORMATS[extname(file)]!(source);
  const placeholders = new Placeholders(resolve(file));
  const options = decided(lines).map((line) => placeholders.fill(line));
  return withCallable(
    options.map((option) =>
      placeholders.used.has(option.name)
        ? { ...option, harmless: "a name for other lines" }
        : option,
    ),
  );
}

const FORMATS: Readonly<Record<string, (source: string) => Line[]>> = {
  ".ini": iniLines,
  ".yaml": (source) => tableLines(parseYAML(source), source),
  ".yml": (source) => tableLines(parseYAML(source), source),
  ".json": (source) => tableLines(parseJSONC(source), source),
};

export const UWSGI_EXTENSIONS = Object.keys(FORMATS);

/** Keys can repeat; one without a value is true. */
function iniLines(source: string): Line[] {
  const sections: string[] = [];
  const lines = source.split("\n").flatMap((text, i): Line[] => {
    const written = text.trim();
    const section = /^\[(.+)\]$/.exec(written)?.[1];
    if (section !== undefined) sections.push(section);
    if (section !== undefined || sections.at(-1) !== "uwsgi") return [];
    if (written === "" || /^[;#]/.test(written)) return [];
    const [, name = written, value = "true"] =
      /^([^=:]+?)\s*[=:]\s*(.*)$/.exec(written) ?? [];
    return [{ name, value, line: i + 1, written }];
  });
  if (!sections.includes("uwsgi")) throw new Error(NO_SECTION);
  return lines;
}

function tableLines(parsed: unknown, source: string): Line[] {
  const table = (parsed as { uwsgi?: Record<string, unknown> } | null)?.uwsgi;
  if (typeof table !== "object" || table === null) throw new Error(NO_SECTION);
  return Object.entries(table).flatMap(([name, given]) =>
    [given].flat().map((one): Line => {
      const value = String(one);
      const line = lineOf(source, name);
      return { name, value, line, written: `${name}: ${value}` };
    }),
  );
}

const NO_SECTION = "there is no section uwsgi in it";

const OPENS = /^(if|for)(-|$)|^if(env|exists|plugin|file|dir)$/;
const CLOSES = /^end-?(if|for)$/;

/** Whether lines between `if-env` and `endif` count is known to uWSGI alone. */
function decided(lines: readonly Line[]): Line[] {
  let depth = 0;
  return lines.flatMap((line): Line[] => {
    if (CLOSES.test(line.name)) depth--;
    else if (OPENS.test(line.name)) depth++;
    else if (depth === 0) return [line];
    else return [{ ...line, unread: "uWSGI decides about it at its start" }];
    return [];
  });
}

const PLACEHOLDER = /%%|%\(([^)]*)\)|%([a-zA-Z])|\$\(([^)]*)\)|@\([^)]*\)/g;

/** By the file's path. */
const MAGIC: Readonly<Record<string, (path: string) => string>> = {
  p: (path) => path,
  s: (path) => basename(path),
  n: (path) => parse(path).name,
  e: (path) => parse(path).ext.slice(1),
  d: (path) => `${dirname(path)}/`,
  c: (path) => basename(dirname(path)),
  v: () => process.cwd(),
  h: () => hostname(),
  k: () => String(availableParallelism()),
};

/** `%(name)` is an option further up, `$(NAME)` a variable. */
class Placeholders {
  readonly used = new Set<string>();
  readonly #path: string;
  readonly #known = new Map<string, string>();

  constructor(path: string) {
    this.#path = path;
  }

  fill(line: Line): Line {
    let unread = line.unread;
    const value = line.value.replace(PLACEHOLDER, (written, ...groups) => {
      if (written === "%%") return "%";
      const found = this.#find(...(groups as (string | undefined)[]));
      if (found === undefined) unread ??= `${written} has no value here`;
      return found ?? written;
    });
    this.#define(line.name, value);
    return unread === undefined ? { ...line, value } : { ...line, unread };
  }

  #find(name?: string, magic?: string, variable?: string): string | undefined {
    if (name !== undefined) {
      this.used.add(name);
      return this.#known.get(name);
    }
    if (magic !== undefined) return MAGIC[magic]?.(this.#path);
    return variable === undefined ? undefined : process.env[variable];
  }

  #define(name: string, value: string): void {
    const set = /^set(-ph|-placeholder)?$/.test(name);
    const [, key = name, content = value] =
      (set && /^([^=]+)=(.*)$/.exec(value)) || [];
    this.#known.set(key, content);
  }
}

const APPLICATIONS = ["module", "wsgi", "wsgi-file", "file"];

/** `callable` is a name in the module or file that another line names. */
function withCallable(options: readonly ForeignOption[]): ForeignOption[] {
  const isPlain = ({ name, value }: ForeignOption): boolean =>
    APPLICATIONS.includes(name) && !String(value).includes(":");
  const callable = options.find(({ name }) => name === "callable");
  if (callable === undefined || !options.some(isPlain)) return [...options];
  const complete = (option: ForeignOption): ForeignOption => ({
    ...option,
    value: `${String(option.value)}:${String(callable.value)}`,
    written: `${option.written}, ${callable.written}`,
  });
  return options
    .filter((option) => option !== callable)
    .map((option) => (isPlain(option) ? complete(option) : option));
}
