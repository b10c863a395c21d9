/** Units of systemd with their drop-ins, as far as their form goes. */
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readText, type Source } from "./text.ts";

/** A unit as systemd has it: the last value of a key counts, but of lists all; an empty one forgets those before. */
export interface Unit {
  readonly file: string;
  /** It, and its drop-ins. */
  readonly files: readonly string[];
  readonly text: string;
  readonly value: (key: string) => string | undefined;
  /** The words of a list. */
  readonly values: (key: string) => readonly string[];
  /** The lines of a list. */
  readonly lines: (key: string) => readonly string[];
  /** The file and line of the value that counts. */
  readonly at: (key: string) => string | undefined;
}

interface Entry {
  readonly key: string;
  readonly value: string;
  readonly where: string;
}

/** Where systemd looks for units and drop-ins; in the first folder that has it counts. */
const FOLDERS = [
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

/** A path in each folder where systemd looks for what stands here. */
export const placesOf = (path: string): string[] => [
  path,
  ...(FOLDERS.some((folder) => path.startsWith(`${folder}/`))
    ? FOLDERS.map((folder) => join(folder, basename(path)))
    : []),
];

/** `NAME.service.d`, for what is in such a folder. */
export const folderOfDropIn = (file: string): string | undefined =>
  /\.(service|socket)\.d$/.test(dirname(file)) ? dirname(file) : undefined;

/** `given`: drop-ins that somebody has named, wherever they are. */
export function readUnit(source: Source, given: readonly Source[]): Unit {
  const all = [source, ...dropInsOf(source.file, given)];
  const entries = all.flatMap((one) => [...entriesOf(one)]);
  const of = (key: string): Entry[] => {
    const its = entries.filter((one) => one.key === key);
    return its.slice(its.findLastIndex(({ value }) => value === "") + 1);
  };
  const lines = (key: string): string[] => of(key).map(({ value }) => value);
  return {
    file: source.file,
    files: all.map(({ file }) => file),
    text: all.map(({ text }) => text).join("\n"),
    value: (key) => of(key).at(-1)?.value,
    values: (key) => lines(key).flatMap((line) => line.split(/\s+/)),
    lines,
    at: (key) => of(key).at(-1)?.where,
  };
}

/** Those beside it, and where systemd looks otherwise, by their names in order. */
function dropInsOf(file: string, given: readonly Source[]): Source[] {
  const folders = namesOf(basename(file)).flatMap((name) =>
    placesOf(join(dirname(file), name)),
  );
  const found = new Map<string, Source>();
  for (const one of given)
    if (namesOf(basename(file)).includes(basename(dirname(one.file))))
      found.set(basename(one.file), one);
  for (const folder of folders)
    for (const name of namesIn(folder))
      if (!found.has(name)) {
        const path = join(folder, name);
        found.set(name, { file: path, text: readText(path), isNamed: false });
      }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, source]) => source);
}

/** The folders of `app@blue.service`, of its template, of all that begin like it, and of all services. */
function namesOf(unit: string): string[] {
  const [, stem = "", type = ""] = /^(.*)\.(\w+)$/.exec(unit) ?? [];
  const prefixes = [...stem.matchAll(/-/g)]
    .map(({ index }) => stem.slice(0, index + 1))
    .reverse();
  return [stem, stem.replace(/@.+$/, "@"), ...prefixes]
    .map((name) => `${name}.${type}.d`)
    .concat(`${type}.d`);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".conf"));
  } catch {
    return []; // most units have none
  }
}

/** Lines that end with a backslash go on in the next that is no comment. */
function* entriesOf({ file, text }: Source): Generator<Entry> {
  let begun: { line: string; number: number } | undefined;
  for (const [i, raw] of text.split("\n").entries()) {
    if (/^\s*[#;]/.test(raw)) continue;
    const { line, number } = begun ?? { line: "", number: i + 1 };
    begun = undefined;
    if (raw.endsWith("\\"))
      begun = { line: `${line}${raw.slice(0, -1)} `, number };
    else {
      const [, key, value] =
        /^\s*([A-Za-z]\w*)\s*=\s*(.*?)\s*$/.exec(line + raw) ?? [];
      if (key !== undefined)
        yield { key, value: value!, where: `${file}:${number}` };
    }
  }
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minutes: 60_000,
  h: 3_600_000,
};

/** As systemd writes times: `60`, `1min 30s`, `infinity`. */
export function msOf(text: string): number {
  if (/^(infinity|0)$/.test(text)) return Infinity;
  return [...text.matchAll(/([\d.]+)\s*([a-z]+)?/g)].reduce(
    (sum, [, number, unit = "s"]) =>
      sum + Number(number) * (UNITS[unit] ?? 1000),
    0,
  );
}
