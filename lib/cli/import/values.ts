/** Converts values of other servers. Each function throws {@link TranslationError} for what it cannot read. */
import { parse } from "node:path";
import { compileFormat } from "../../exchange/access-log.ts";
import { MAX_HEADERS } from "../../engine/header-limit.ts";
import { formatTarget, parseTarget } from "../../engine/target.ts";
import type { ConfigFileSettings } from "../define-config.ts";
import { duration, size } from "../kinds.ts";
import { TranslationError, isOff, type ReportLoss } from "./rules.ts";

export const text = (value: unknown): string => String(value);

export const yes = (value: unknown): boolean => !isOff(value);

export function whole(value: unknown): number {
  if (!/^\d+$/.test(String(value)))
    throw new TranslationError(`${String(value)} is not a whole number`);
  return Number(value);
}

/** 0 is unlimited. */
export const seconds = (value: unknown): string =>
  duration.show(whole(value) * 1000 || Infinity);

/** 0 is at once. */
export const grace = (value: unknown): string =>
  duration.show(whole(value) * 1000);

export const bytes = (value: unknown): string =>
  size.show(whole(value) || Infinity);

export function headerBytes(value: unknown): string {
  if ((whole(value) || Infinity) > MAX_HEADERS.bytes)
    throw new TranslationError(
      "request headers have 16KiB at most, which is the default",
    );
  return bytes(value);
}

/** `:8000`, `*:8000`, `host:8000`, `unix:/path`, `/path`. */
export function address(value: unknown): string {
  const given = text(value).replace(/^\*(?=:)/, "");
  const target = parseTarget(given);
  if (target !== undefined) return formatTarget(target);
  if (given.startsWith("/") || /\.sock(et)?$/.test(given))
    return `unix:${given}`;
  throw new TranslationError(`${given} is neither an address nor a path`);
}

export const addresses = (value: unknown): string[] =>
  several(value).map(address);

/** A list, or text with commas. */
export const several = (value: unknown): string[] =>
  (Array.isArray(value) ? value : text(value).split(","))
    .map((one) => text(one).trim())
    .filter(Boolean);

/** `NAME=value`, one or a list. */
export function variables(value: unknown): ConfigFileSettings["settings"] {
  const entries = [value].flat().map((one) => {
    const [, name, content] = /^([^=]+)=(.*)$/s.exec(text(one)) ?? [];
    if (name === undefined || content === undefined)
      throw new TranslationError(`${text(one)} is not NAME=value`);
    return [name.trim(), { default: content.trim() }];
  });
  return Object.fromEntries(entries) as ConfigFileSettings["settings"];
}

const APP = /^[\p{L}_][\p{L}\p{N}_.]*(:[\p{L}_][\p{L}\p{N}_.]*(\(.*\))?)?$/u;

/** `module:name`. */
export function application(value: unknown): string {
  const name = text(value);
  if (!APP.test(name))
    throw new TranslationError(`${name} is not a name such as app:app`);
  return `python:${name}`;
}

/** `folder/file.py:name`: a module, and where to look for it. */
export function applicationFile(
  value: unknown,
): Pick<ConfigFileSettings, "app" | "pythonPath"> {
  const [, path, name] = /^(.+?)(:.*)?$/.exec(text(value)) ?? [];
  const { dir, name: module, ext } = parse(path ?? "");
  if (ext !== ".py" || module.includes("."))
    throw new TranslationError(
      `${path} cannot be imported: Python has to know it as a module, name.py`,
    );
  return {
    app: application(`${module}${name ?? ""}`),
    ...(dir !== "" && { pythonPath: [dir] }),
  };
}

const LEVELS: Readonly<Record<string, ConfigFileSettings["logLevel"]>> = {
  debug: "debug",
  info: "info",
  warning: "warn",
  error: "error",
  critical: "fatal",
};

export function level(value: unknown): ConfigFileSettings["logLevel"] {
  const name = text(value).toLowerCase();
  if (!(name in LEVELS))
    throw new TranslationError(`there is no level ${name}`);
  return LEVELS[name];
}

/** Of access lines. */
export function format(value: unknown): string {
  try {
    compileFormat(text(value));
  } catch (error) {
    throw new TranslationError(`logFormat: ${(error as Error).message}`);
  }
  return text(value);
}

/** A number, as Python has it. */
export const umask = (value: unknown): string =>
  whole(value).toString(8).padStart(3, "0");

/** Watching, where it is asked for. */
export const watching = (value: unknown): true | undefined =>
  yes(value) || undefined;

/** As Python's `ssl` numbers them: none, optional, required. */
export function certificates(
  value: unknown,
): ConfigFileSettings["tlsVerifyClient"] {
  const found = (["none", "optional", "require"] as const)[Number(value)];
  if (found === undefined)
    throw new TranslationError(`${text(value)} is none of 0, 1 and 2`);
  return found;
}

/** Proxies that are believed. */
export function trusted(value: unknown, lose: ReportLoss): string[] {
  const peers = several(value);
  if (peers.includes("*"))
    lose("whoever can connect would be believed: name the proxies instead");
  return peers.filter((peer) => peer !== "*");
}

/** Of the event loops that there are in Python. */
export function loopOf(value: unknown): ConfigFileSettings["pythonLoop"] {
  const name = text(value);
  if (name !== "auto" && name !== "asyncio" && name !== "uvloop")
    throw new TranslationError(`there is no loop ${name}: asyncio or uvloop`);
  return name;
}

/** ASGI's versions are told apart; Granian's other protocol is its own. */
export function interfaceOf(
  value: unknown,
): ConfigFileSettings["pythonInterface"] {
  const found = /^(auto|asgi|wsgi)(?:2|3|nl)?$/.exec(text(value))?.[1];
  if (found === undefined)
    throw new TranslationError(`${text(value)} is neither ASGI nor WSGI`);
  return found as "asgi";
}
