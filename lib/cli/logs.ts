/** The logs of one process: what is written where, in which form. */
import { lchownSync, lstatSync } from "node:fs";
import { hostname } from "node:os";
import { isatty } from "node:tty";
import { pino, type Logger } from "pino";
import { prettyFactory } from "pino-pretty";
import type { AccessLog } from "../index.ts";
import {
  COMBINED,
  compileFormat,
  PRETTY,
  SECRET_HEADERS,
} from "./access-format.ts";
import { jsonLine } from "./access-json.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import type { Identity } from "./identity.ts";
import { LineBuffer } from "./line-buffer.ts";
import type { Settings } from "./schema.ts";

export interface Logs {
  readonly log: Logger;
  readonly accessLog: AccessLog | undefined;
  /** Lines are for people. */
  readonly pretty: boolean;
  /** Opens the files anew: whoever rotates them has moved the old ones. False: not all of them can be opened. */
  readonly reopen: () => boolean;
  /** Writes what is still held back. */
  readonly flush: () => void;
}

/**
 * `owner`: gets the files, because the supervisor is the first to open them, and the workers write to them as whom they run.
 *
 * @throws {CommandFailure} for a format that makes no sense, or a file that cannot be written.
 */
export function openLogs(settings: Settings, owner: Identity = {}): Logs {
  const { logFormat, accessLog, errorLog, logLevel } = settings;
  const terminal = errorLog === "-" && isatty(1);
  const pretty = logFormat === "pretty" || (logFormat === "auto" && terminal);
  const open = new Map<string, LineBuffer>();
  const destination = (path: string): LineBuffer => {
    const there = open.get(path) ?? openFile(path, owner);
    open.set(path, there);
    return there;
  };
  const log = pino(
    { level: logLevel, redact: { paths: SECRETS, censor: "[redacted]" } },
    atOnce(destination(errorLog), lineFormat(pretty, terminal)),
  );
  return {
    log,
    accessLog:
      accessLog === "none"
        ? undefined
        : lineWriter(formatter(logFormat, pretty), destination(accessLog)),
    pretty,
    reopen: () => {
      const files = [...open].filter(([path]) => path !== "-");
      const reopened = files.filter(([, one]) => one.reopen());
      for (const [path] of reopened) give(path, owner);
      return reopened.length === files.length;
    },
    flush: () => {
      for (const one of open.values()) one.flush();
    },
  };
}

/** Headers, wherever somebody logs them. */
const SECRETS = SECRET_HEADERS.flatMap((name) => [
  name,
  `headers.${name}`,
  `*.${name}`,
  `*.headers.${name}`,
]);

function openFile(path: string, owner: Identity): LineBuffer {
  if (path === "-") return new LineBuffer(1);
  try {
    const file = new LineBuffer(path);
    give(path, owner);
    return file;
  } catch (cause) {
    throw new CommandFailure(
      EXIT.usage,
      `cannot write the log ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** A device or a pipe is not ours to give; nor what a link leads to, which whoever may write to the folder could choose. */
function give(path: string, { uid, gid }: Identity): void {
  if (uid === undefined && gid === undefined) return;
  if (lstatSync(path).isFile()) lchownSync(path, uid ?? -1, gid ?? -1);
}

/** At once, behind the access lines that wait: these lines are few, and the last ones before an end are the ones to read. */
function atOnce(
  to: LineBuffer,
  format: (line: string) => string,
): { write(line: string): void } {
  return {
    write: (line) => {
      to.write(format(line));
      to.push();
    },
  };
}

function lineFormat(
  pretty: boolean,
  colorize: boolean,
): (line: string) => string {
  if (!pretty) return (line) => line;
  const format = prettyFactory({ colorize, ignore: "pid,hostname" });
  return (line) => format(JSON.parse(line));
}

function formatter(
  format: string,
  pretty: boolean,
): Parameters<typeof lineWriter>[0] {
  if (pretty) return compileFormat(PRETTY);
  if (format === "json" || format === "auto")
    return jsonLine({ pid: process.pid, hostname: hostname() });
  return compileFormat(format === "combined" ? COMBINED : format);
}

function lineWriter(
  format: (record: Parameters<AccessLog>[0]) => string,
  to: LineBuffer,
): AccessLog {
  return (record) => to.write(`${format(record)}\n`);
}
