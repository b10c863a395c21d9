/** What settings mean for those who stand around an eddy: fronts, and whoever starts and stops it. */
import { commandLine, type Flags } from "../command-line.ts";
import { configure } from "../configure.ts";
import { parseHttpAddress } from "../http-address.ts";
import { PORT } from "../host-and-port.ts";
import {
  flagOf,
  KEYS,
  variableOf,
  type Key,
  type Settings,
} from "../schema.ts";
import { DEFAULT, type Configuration } from "../settings.ts";
import { VERSION } from "../../status/versions.ts";
import type { Target } from "../../engine/target.ts";
import { seconds, UnknownSetting, type Setup } from "./finding.ts";
import { wordsOf } from "./text.ts";

/** `idleTimeoutMs` of a loop; the command has no setting for it. */
export const IDLE_MS = 30_000;

/** Of a front that keeps connections which are idle. */
export const keepsTooLong = (front: string, ms: number): string | false =>
  ms >= IDLE_MS &&
  `${front} keeps idle connections for ${seconds(ms)}, eddy closes them after ${seconds(IDLE_MS)}: a request may meet the close`;

/** Of one that waits for a reply for `ms`, as `shown`. */
export const givesUpEarly = (
  front: string,
  ms: number,
  shown: string,
  { requestTimeout }: Settings,
): string | false =>
  requestTimeout !== Infinity &&
  ms < requestTimeout &&
  `${front} gives a request up after ${shown} with 504; eddy lets it run for ${seconds(requestTimeout)} (requestTimeout)`;

/** `teardownTimeoutMs` of a loop: a cleanup that is needed beside the requests. */
const CLEANUP_MS = 5000;

/** How long requests may take at the end, as far as that is known, and one cleanup behind them. */
export const endMs = (setup: Setup): number =>
  endings(setup).reduce((sum, [, ms]) => sum + ms, CLEANUP_MS);

/** The settings that make an end long. */
export const ENDINGS = ["readinessDelay", "drainTimeout"] as const;

/** Those that are known, in milliseconds. */
export const endings = ({ settings, unknown }: Setup): [Key, number][] =>
  ENDINGS.filter((key) => !unknown.has(key))
    .map((key): [Key, number] => [key, settings[key]])
    .filter(([, ms]) => ms > 0);

/** `unknown`: settings that somebody gives where the doctor does not see it. */
export const setupOf = (
  { settings, resolved, warnings }: Configuration,
  unknown: ReadonlySet<Key> = new Set(),
): Setup => ({
  settings: new Proxy(settings, {
    get(of, key) {
      if (unknown.has(key as Key)) throw new UnknownSetting(String(key));
      return Reflect.get(of, key);
    },
  }),
  unknown,
  warnings,
  given: new Set(KEYS.filter((key) => resolved[key].source !== DEFAULT)),
});

/** The variables of a process, as far as a file says them. */
export interface Environment {
  readonly values: NodeJS.ProcessEnv;
  /** Names of those that are set to something which is not here. */
  readonly unknown: readonly string[];
  /** There may be others, which are not here. */
  readonly isPart: boolean;
}

export const environmentOf = (
  values: NodeJS.ProcessEnv,
  unknown: readonly string[] = [],
  isPart = false,
): Environment => ({ values, unknown, isPart });

/** Of a command line that stands in somebody else's file, with the variables there, and without any file of here. */
export async function setupBy(
  words: readonly string[],
  { values, unknown, isPart }: Environment,
): Promise<Setup> {
  const { known, isWhole } = wordsIn(words, values);
  const [given, other] = await Promise.all(
    STAND_INS.map((standIn) =>
      flagsOf(known.map((word) => withVariables(word, values, standIn))),
    ),
  );
  const { config, ...flags } = given!;
  const { EDDY_CONFIG = config, ...variables } = values;
  const configuration = await configure(flags, {
    env: variables,
    folders: [],
  });
  const isOpen = isPart || !isWhole || EDDY_CONFIG !== undefined; // a file of another machine
  const isUnknown = (key: Key): boolean => {
    const { source } = configuration.resolved[key];
    if (source === flagOf(key)) return changes(key, flags, other!);
    if (source === DEFAULT && isOpen) return true;
    return unknown.some((name) => keyOf(name) === key);
  };
  return setupOf(configuration, new Set(KEYS.filter(isUnknown)));
}

/** With `$OPTIONS` as the words that it stands for: any, if it is not known and no flag takes it for its value. */
function wordsIn(words: readonly string[], values: NodeJS.ProcessEnv) {
  let isWhole = true;
  const known = words.flatMap((word, i) => {
    const [, bare, braced = bare] = /^\$(?:(\w+)|\{(\w+)\})$/.exec(word) ?? [];
    if (braced === undefined) return [word];
    const value = values[braced];
    if (value !== undefined) return wordsOf(value);
    if (/^-[^=]*$/.test(words[i - 1] ?? "")) return [word];
    isWhole = false;
    return [];
  });
  return { known, isWhole };
}

/** In place of a variable that is not known. What is another setting with another one of them is not known, either. */
const STAND_INS = ["8000", "8001"];

/** `$PORT`, `${PORT:-8000}` and `$(PORT)`. */
const withVariables = (
  word: string,
  values: NodeJS.ProcessEnv,
  standIn: string,
): string =>
  word.replace(
    /\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?[^}]*\}|\((\w+)\))/g,
    (_, bare, braced, fallback, round) =>
      values[bare ?? braced ?? round] ?? fallback ?? standIn,
  );

const changes = (key: Key, flags: Flags, other: Flags): boolean =>
  [key, ...(key === "http" ? ["host", "port", "bind"] : [])].some(
    (name) => JSON.stringify(flags[name]) !== JSON.stringify(other[name]),
  );

const keyOf = (variable: string): Key | undefined =>
  variable === PORT ? "http" : KEYS.find((key) => variableOf(key) === variable);

/** @throws {CommanderError} for what is none. */
export async function flagsOf(words: readonly string[]): Promise<Flags> {
  let given: Flags = {};
  const ignore = (): Promise<void> => Promise.resolve();
  await commandLine(VERSION, {
    async run(flags) {
      given = flags;
    },
    config: ignore,
    check: ignore,
    reload: ignore,
    top: ignore,
    profile: ignore,
    doctor: ignore,
    import: ignore,
  })
    .configureOutput({ writeErr: () => {}, writeOut: () => {} })
    .parseAsync(words, { from: "user" });
  return given;
}

/** Where it speaks HTTP. */
export const httpTargets = ({ settings }: Setup): Target[] =>
  settings.http.flatMap((entry) => parseHttpAddress(entry)?.target ?? []);

/** All that listens there is served by Node's own HTTP, which knows HTTP/1.0. */
export function servesHttp10({ settings }: Setup): boolean {
  if (settings.http2 || settings.fd !== "none") return true;
  const engines = settings.http.map(
    (entry) => parseHttpAddress(entry)?.engine ?? settings.engine,
  );
  return engines.every((engine) => engine === "node");
}
