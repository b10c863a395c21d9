/** Options of `files()`, checked. */
import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import { parse as parseDuration } from "@lukeed/ms";
import {
  AMOUNT,
  checkOptions,
  SWITCH,
  TEXT,
  UsageError,
  type Rule,
} from "../../lib/adapter.ts";
import { nameOf } from "./name.ts";

export interface FilesOptions {
  /**
   * The file that stands for its folder. `false`: a folder is not found.
   *
   * @default "index.html"
   */
  index?: string | false;
  /**
   * A file, by its path below the folder, in place of what is not found: for an application of one page, which knows
   * itself what its paths mean. A path whose last part has a dot is not found all the same: a script that is missing is
   * no page.
   *
   * @default none: 404.
   */
  fallback?: string;
  /**
   * How long a client may keep a file without asking: `"1h"`, `"30d"`, `"1y"`. Pages (`text/html`) are asked for anew
   * in any case (`no-cache`), because they name the others.
   *
   * @default 0: it asks each time, and is told in a few bytes that nothing has changed.
   */
  maxAge?: string | 0;
  /**
   * A file never changes under its name, as that has a hash in it: clients do not even ask when a page is loaded anew.
   * Pages are left out.
   *
   * @default false; with true, `maxAge` is a year unless it is said.
   */
  immutable?: boolean;
  /**
   * Send `app.js.br`, `app.js.zst` or `app.js.gz` in place of `app.js` to who accepts it, if it is there and not older.
   *
   * @default false: what lies beside a file may be something else.
   */
  precompressed?: boolean;
  /**
   * Serve names that begin with a dot, and what is in such folders.
   *
   * @default false: `.env` and `.git` are not for everybody. `/.well-known` always is (RFC 8615).
   */
  dotfiles?: boolean;
  /**
   * Further header fields for the file of this path below the folder. They replace those of the same name.
   *
   * @default none.
   */
  headers?: (path: string) => Readonly<Record<string, string>>;
  /**
   * Bytes of files that are kept in memory. Those that were not asked for the longest go first.
   *
   * @default 64 MiB: a site without its pictures and films.
   */
  maxCacheBytes?: number;
  /**
   * Bytes of a file, from which on it is not kept but read each time.
   *
   * @default 65,536: what is larger costs more to send than to read.
   */
  maxCachedFileBytes?: number;
  /**
   * Milliseconds for which a file is believed to be as it was.
   *
   * @default 1,000: whoever has changed one sees it when the page is loaded anew.
   */
  recheckMs?: number;
}

export interface FilesSettings {
  readonly folder: string;
  readonly index: string | undefined;
  readonly fallback: string | undefined;
  readonly cacheControl: string;
  readonly precompressed: boolean;
  readonly dotfiles: boolean;
  readonly headers: (path: string) => Readonly<Record<string, string>>;
  readonly maxCacheBytes: number;
  readonly maxCachedFileBytes: number;
  readonly recheckMs: number;
}

const RULES: Record<keyof FilesOptions, Rule> = {
  index: [
    (value) =>
      value === false || (TEXT[0](value) && !(value as string).includes("/")),
    "the name of a file, or false",
  ],
  fallback: [
    (value) =>
      TEXT[0](value) && nameOf(below(value as string), true) !== undefined,
    "a path below the folder",
  ],
  maxAge: [
    (value) => value === 0 || seconds(value) !== undefined,
    'a duration with its unit, such as "1h", "30d" or "1y", or 0',
  ],
  immutable: SWITCH,
  precompressed: SWITCH,
  dotfiles: SWITCH,
  headers: [
    (value) => typeof value === "function",
    "a function that gives header fields",
  ],
  maxCacheBytes: AMOUNT,
  maxCachedFileBytes: AMOUNT,
  recheckMs: AMOUNT,
};

/** @throws {UsageError} for a folder that is none, an option that does not exist or has a bad value. */
export function filesSettings(
  folder: string,
  options: FilesOptions,
): FilesSettings {
  const path = typeof folder === "string" ? resolve(folder) : "";
  if (!isFolder(path))
    throw new UsageError(
      `files() takes a folder, and there is none at ${path || String(folder)}`,
    );
  const {
    index = "index.html",
    fallback,
    immutable = false,
    maxAge = immutable ? "365d" : 0,
    precompressed = false,
    dotfiles = false,
    headers = () => ({}),
    maxCacheBytes = 64 * 1024 * 1024,
    maxCachedFileBytes = 64 * 1024,
    recheckMs = 1000,
  } = checkOptions(options, RULES, "files()");
  const age = maxAge === 0 ? 0 : seconds(maxAge)!;
  return {
    folder: path,
    index: index === false ? undefined : index,
    fallback: fallback === undefined ? undefined : below(fallback),
    cacheControl:
      age === 0
        ? "no-cache"
        : `max-age=${age}${immutable ? ", immutable" : ""}`,
    precompressed,
    dotfiles,
    headers,
    maxCacheBytes,
    maxCachedFileBytes,
    recheckMs,
  };
}

const below = (path: string): string => path.replace(/^\/?/, "/");

/** Of text with a unit: a number might be seconds or milliseconds. */
function seconds(given: unknown): number | undefined {
  if (typeof given !== "string" || !/[a-z]$/i.test(given)) return undefined;
  const ms = parseDuration(given);
  return ms === undefined || ms < 0 ? undefined : Math.round(ms / 1000);
}

/** @throws {UsageError} for one that may not be looked at. */
function isFolder(path: string): boolean {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
      return false;
    accessSync(path, constants.X_OK);
    return true;
  } catch (cause) {
    throw new UsageError(
      `files() cannot look at ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
}
