/** The values of all settings, from defaults, files, variables and flags, in that order; and where each came from. */
import { CommandFailure, EXIT } from "./failure.ts";
import { isServiceLink } from "./service-links.ts";
import {
  flagOf,
  KEYS,
  settingOf,
  variableOf,
  type Key,
  type Settings,
} from "./schema.ts";
import type { ConfigFile } from "./config-files.ts";
import { PORT, portOf } from "./host-and-port.ts";

/** A value that a file, a variable or a flag gives to a setting. */
interface Assignment {
  readonly key: string;
  readonly value: unknown;
  /** `file:line`, a variable or a flag. */
  readonly source: string;
  /** The names that are valid in that kind of source. */
  readonly known: ReadonlyMap<string, Key>;
}

/** The value of a setting, and what it overrode. */
export interface Resolved {
  readonly value: unknown;
  readonly source: string;
  readonly overrode: readonly Resolved[];
}

export interface Configuration {
  readonly settings: Settings;
  readonly resolved: Readonly<Record<Key, Resolved>>;
  /** About unknown variables, and about unknown keys, which `--no-strict` allows. */
  readonly warnings: readonly string[];
}

export const DEFAULT = "default";

const TERMINAL = "a terminal";

/** The operator has said it: it is neither the default, nor what a platform or a terminal puts in its place. */
export const isGiven = ({ source }: Resolved): boolean =>
  ![DEFAULT, PORT, TERMINAL].includes(source);

const names = (nameOf: (key: Key) => string, may: (key: Key) => boolean) =>
  new Map(KEYS.filter(may).map((key) => [nameOf(key), key]));

const IN_FILES = names(
  (key) => key,
  (key) => !settingOf(key).notInFiles,
);
const IN_VARIABLES = names(variableOf, (key) => !settingOf(key).fileOnly);
const IN_FLAGS = names(
  (key) => key,
  (key) => !settingOf(key).fileOnly,
);

export function fromFile(file: ConfigFile): Assignment[] {
  return Object.entries(file.values).map(([key, value]) => ({
    key,
    value,
    source: file.place(key),
    known: IN_FILES,
  }));
}

export function fromVariables(env: NodeJS.ProcessEnv): Assignment[] {
  return Object.entries(env)
    .filter(([name, value]) => name.startsWith("EDDY_") && value !== undefined)
    .filter(([name, value]) => !isServiceLink(name, value!))
    .map(([name, value]) => ({
      key: name,
      value,
      source: name,
      known: IN_VARIABLES,
    }));
}

/** What counts where nobody says more. */
export function fromPlatform(env: NodeJS.ProcessEnv): Assignment[] {
  const port = portOf(env);
  return port === undefined
    ? []
    : [{ key: "http", value: `:${port}`, source: PORT, known: IN_FILES }];
}

/** Who develops at a terminal sees requests, unless somebody says otherwise. */
export const fromTerminal = ({ NODE_ENV }: NodeJS.ProcessEnv): Assignment[] =>
  NODE_ENV === "production"
    ? []
    : [{ key: "accessLog", value: "-", source: TERMINAL, known: IN_FILES }];

/** `flags`: by key of the setting. */
export function fromFlags(
  flags: Readonly<Record<string, unknown>>,
): Assignment[] {
  return Object.entries(flags).map(([key, value]) => ({
    key,
    value,
    source: flagOf(key as Key),
    known: IN_FLAGS,
  }));
}

/**
 * The values of all settings. A later assignment overrides an earlier one.
 *
 * @throws {CommandFailure} that names all that is wrong, not just the first.
 */
export async function resolveSettings(
  assignments: readonly Assignment[],
): Promise<Configuration> {
  const wrong: string[] = [];
  const unknown: string[] = [];
  const warnings: string[] = [];
  const resolved = Object.fromEntries(
    KEYS.map((key) => [
      key,
      { value: settingOf(key).default, source: DEFAULT, overrode: [] },
    ]),
  ) as unknown as Record<Key, Resolved>;
  for (const given of assignments) {
    const key = given.known.get(given.key);
    if (key === undefined)
      (given.known === IN_VARIABLES ? warnings : unknown).push(
        await unknownName(given),
      );
    else
      try {
        resolved[key] = override(resolved[key], key, given);
      } catch (error) {
        if (!(error instanceof CommandFailure)) throw error;
        wrong.push(error.message);
      }
  }
  if (resolved.strict.value === true) wrong.push(...unknown);
  if (wrong.length > 0) throw new CommandFailure(EXIT.usage, wrong.join("\n"));
  const settings = Object.fromEntries(
    KEYS.map((key) => [key, resolved[key].value]),
  ) as unknown as Settings;
  return { settings, resolved, warnings: [...warnings, ...unknown] };
}

function override(
  before: Resolved,
  key: Key,
  { value, source }: Assignment,
): Resolved {
  return {
    value: readValue(key, value, source),
    source,
    overrode: [...before.overrode, before],
  };
}

function readValue(key: Key, given: unknown, source: string): unknown {
  const { kind } = settingOf(key);
  const value = kind.read(given);
  if (value !== undefined) return value;
  const shown = kind.secret
    ? "what it is given"
    : JSON.stringify(given, withoutTables);
  throw new CommandFailure(
    EXIT.usage,
    `${source}: ${key} takes ${kind.expected}, not ${shown}`,
  );
}

/** What belongs elsewhere, one level up, may be a secret. */
const withoutTables = (_: string, part: unknown): unknown =>
  Object(part) === part && !Array.isArray(part) ? "a table" : part;

/** Other servers' settings for what is one here. */
const PARTS_OF_HTTP = new Set(["port", "host", "bind"]);

async function unknownName(assignment: Assignment): Promise<string> {
  const { key, source } = assignment;
  const where = source === key ? "" : `${source}: `;
  return `${where}there is no setting ${key}${await hintFor(assignment)}`;
}

async function hintFor({ key, known }: Assignment): Promise<string> {
  if (PARTS_OF_HTTP.has(key.replace(/^EDDY_/, "").toLowerCase()))
    return ': the address is in http, such as "127.0.0.1:8000" (EDDY_HTTP, --http)';
  const { closestMatch } = await import("leven"); // seldom needed
  const meant = closestMatch(key, [...known.keys()], {
    maxDistance: Math.ceil(key.length / 3),
  });
  return meant === undefined ? "" : ` (did you mean ${meant}?)`;
}
