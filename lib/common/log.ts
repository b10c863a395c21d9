/**
 * The application log, and the one door to it: what is logged may be anything, and the logger anybody's, so that each
 * may throw; nobody who logs has to know.
 */
import { EventEmitter } from "node:events";
import { pino, type DestinationStream, type Logger } from "pino";
import { complain, LineBuffer } from "./line-buffer.ts";
import { Secrets } from "./secrets.ts";
import { describe, isObject, standIn, textIn } from "./thrown.ts";

export type { Logger };

/**
 * `false`: silent. Nothing: JSON lines to standard output from level "info".
 *
 * Whatever is given, what comes back never throws, and writes no secrets (secrets.ts). What cannot be written as it is
 * is written as far as it can be read, with a `note` that says why; where the logger itself fails, by hand.
 */
export function createLog(
  log: Logger | false | undefined,
  secrets?: Secrets,
): Logger {
  const own =
    log === false
      ? pino({ level: "silent" })
      : (log ?? pino({}, LineBuffer.standardOutput));
  if (secrets === undefined && loggerBehind(own) !== own) return own; // it has been through here
  hearFailures(own);
  return new Proxy(own, new Door(secrets ?? new Secrets()));
}

/** The logger itself, for who writes its lines in a way of his own. */
export function loggerBehind(log: Logger): Logger {
  return (log as Logger & { [BEHIND]?: Logger })[BEHIND] ?? log;
}

const BEHIND = Symbol("behind the door");

type Method = (...args: unknown[]) => unknown;

/**
 * All of the logger can be reached through it, and set; its methods that write, and those of its children, are guarded.
 */
class Door implements ProxyHandler<Logger> {
  readonly #secrets: Secrets;
  /** Of a child that the logger could not make. */
  readonly #bindings: object | undefined;

  constructor(secrets: Secrets, bindings?: object) {
    this.#secrets = secrets;
    this.#bindings = bindings;
  }

  get(log: Logger, key: string | symbol): unknown {
    if (key === BEHIND) return loggerBehind(log);
    const value: unknown = Reflect.get(log, key);
    if (typeof value !== "function" || typeof key === "symbol") return value;
    if (key === "child") return (...args: unknown[]) => this.#child(log, args);
    return isLevel(log, key)
      ? (...args: unknown[]) => this.#write(log, key, args)
      : value;
  }

  #child(log: Logger, args: unknown[]): Logger {
    try {
      const given = this.#redact(eachOnce(log, args));
      const child = log.child(...(given as [object]));
      return new Proxy(child, new Door(this.#secrets, this.#bindings));
    } catch (failure) {
      const bindings = { ...this.#readable(args[0]), ...noteOf(failure) };
      return new Proxy(log, new Door(this.#secrets, bindings));
    }
  }

  #write(log: Logger, level: string, args: unknown[]): void {
    const write = log[level as "info"] as Method;
    try {
      if (log.isLevelEnabled?.(level) === false) return;
      write.apply(log, this.#redact(eachOnce(log, this.#complete(args))));
    } catch (failure) {
      const fields = { ...this.#readable(args[0]), ...noteOf(failure) };
      const message = this.#secrets.redact(messageOf(args));
      try {
        write.apply(log, eachOnce(log, [fields, message]));
      } catch {
        writeByHand(log, level, fields, message);
      }
    }
  }

  #complete(args: unknown[]): unknown[] {
    if (this.#bindings === undefined) return args;
    const rest = isObject(args[0]) ? args.slice(1) : args;
    return [this.#readable(args[0]), ...rest];
  }

  #redact(args: unknown[]): unknown[] {
    return args.map((one) => this.#secrets.redact(one));
  }

  /** The fields of what was to be logged, as plain data. */
  #readable(given: unknown): Fields {
    const fields = isObject(given) ? plainFields(given, this.#secrets) : {};
    return { ...this.#bindings, ...fields };
  }
}

type Fields = Record<string, unknown>;

/** What is logged or bound, so that no field stands twice in a line: who repeats one has it under `fields`. */
function eachOnce(log: Logger, args: unknown[]): unknown[] {
  const [given, ...rest] = args;
  if (!isObject(given) || textIn(given, "stack") !== undefined) return args;
  const names = Object.keys(given);
  const hasMessage = rest.length > 0 || names.includes("err");
  const repeated = names.filter((name) => isThere(log, name, hasMessage));
  if (repeated.length === 0) return args;
  const fields: Fields = {};
  const others: Fields = {};
  for (const name of names)
    (repeated.includes(name) ? fields : others)[name] = (given as Fields)[name];
  let key = "fields";
  while (key in others || isThere(log, key, false)) key += "_";
  return [{ ...others, [key]: fields }, ...rest];
}

/** A line of the logger has a field of this name anyway. */
function isThere(log: Logger, name: string, hasMessage: boolean): boolean {
  if (name === "level" || name === "time") return true;
  if (name === "msg") return hasMessage;
  return isPinoLogger(log) && log[symbols.chindingsSym].includes(`"${name}":`);
}

function isLevel(log: Logger, key: string): boolean {
  return LEVELS.includes(key) || log.levels?.values[key] !== undefined;
}

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];

const noteOf = (failure: unknown): { note: string } => ({
  note: `it cannot be written as it is: ${describe(failure)}`,
});

function plainFields(given: object, secrets: Secrets): Fields {
  const asError = (): Fields => secrets.redact({ err: standIn(given) });
  if (textIn(given, "stack") !== undefined) return asError();
  const fields: Fields = {};
  try {
    for (const name of Object.keys(given))
      Object.assign(fields, plainField(given as Fields, name, secrets));
    return fields;
  } catch {
    return asError(); // a Proxy that nobody may look at
  }
}

/** An error as one that nobody stumbles over, anything else as it would be written. */
function plainField(given: Fields, name: string, secrets: Secrets): Fields {
  try {
    const value = given[name];
    const isError = textIn(value, "message") !== undefined;
    const field = secrets.redact({
      [name]: isError && isObject(value) ? standIn(value) : value,
    });
    return isError ? field : (JSON.parse(JSON.stringify(field)) as Fields);
  } catch (failure) {
    return { [name]: `(${describe(failure)})` };
  }
}

function messageOf(args: unknown[]): string {
  return args.find((one) => typeof one === "string") ?? describe(args[0]);
}

/** The parts of a pino logger that go into its lines. */
export interface PinoLogger extends Logger {
  readonly [symbols.lsCacheSym]: Readonly<Record<number, string>>;
  readonly [symbols.timeSym]: () => string;
  readonly [symbols.chindingsSym]: string;
  readonly [symbols.endSym]: string;
  readonly [symbols.streamSym]: DestinationStream & {
    readonly [symbols.needsMetadataGsym]?: boolean;
  };
  readonly [symbols.formattersSym]: { readonly log?: unknown };
  readonly [symbols.hooksSym]: Readonly<Record<string, unknown>>;
  readonly [symbols.mixinSym]: unknown;
  readonly [symbols.serializersSym]: object;
  readonly [symbols.stringifiersSym]: object;
}

const { symbols } = pino;

/** False: it is of another copy of pino, or not pino's at all. */
export function isPinoLogger(log: Logger): log is PinoLogger {
  return (log as PinoLogger)[symbols.lsCacheSym] !== undefined;
}

/** `members`: `,"name":value …`. `message` stands between quotes. */
export const lineOf = (
  log: PinoLogger,
  level: number,
  time: string,
  members: string,
  message: string,
): string =>
  `${log[symbols.lsCacheSym][level]}${time}${log[symbols.chindingsSym]}` +
  `${members},"msg":"${message}"${log[symbols.endSym]}`;

/** Past all that the owner of the logger has put into it. On standard error where it takes no line at all. */
function writeByHand(
  log: Logger,
  level: string,
  fields: Fields,
  message: string,
): void {
  try {
    if (!isPinoLogger(log)) throw new TypeError("it is not pino's");
    const shown = { ...fields, err: dataOf(fields.err) };
    const line = lineOf(
      log,
      log.levels.values[level]!,
      `,"time":${Date.now()}`,
      `,${JSON.stringify(shown).slice(1, -1)}`,
      JSON.stringify(message).slice(1, -1),
    );
    log[symbols.streamSym].write(line);
  } catch (failure) {
    const about = fields.err ? `: ${describe(fields.err)}` : "";
    complain(
      `the log cannot be written: ${describe(failure)}; it was to say "${message}${about}"`,
    );
  }
}

const dataOf = (error: unknown): unknown =>
  isObject(error)
    ? {
        type: textIn(error, "name"),
        message: textIn(error, "message"),
        stack: textIn(error, "stack"),
      }
    : error;

/** A destination that fails later tells its listeners, and ends the process where there are none. */
function hearFailures(log: Logger): void {
  const stream = isPinoLogger(log) ? log[symbols.streamSym] : undefined;
  if (!(stream instanceof EventEmitter)) return;
  if (!stream.listeners("error").includes(sayFailed))
    stream.on("error", sayFailed);
}

function sayFailed(error: unknown): void {
  complain(`the log cannot be written: ${describe(error)}`);
}
