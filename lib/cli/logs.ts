/** The logs of one process: what is written where, in which form. */
import { lchownSync, lstatSync } from "node:fs";
import { isatty } from "node:tty";
import { pino, type Logger } from "pino";
import { prettyFactory } from "pino-pretty";
import { LineBuffer } from "../common/line-buffer.ts";
import {
  COMBINED,
  compileFormat,
  createAccessLog,
  PRETTY,
  SECRET_HEADERS,
  type AccessLog,
} from "../exchange/access-log.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import type { Identity } from "./identity.ts";
import type { Settings } from "./schema.ts";

export interface Logs {
  readonly log: Logger;
  readonly accessLog: AccessLog | undefined;
  /** Lines are for people. */
  readonly pretty: boolean;
  /** Opens the files anew: whoever rotates them has moved the old ones. False: not all of them can be opened. */
  readonly reopen: () => boolean;
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
    pretty ? formatted(destination(errorLog), terminal) : destination(errorLog),
  );
  return {
    log,
    accessLog:
      accessLog === "none"
        ? undefined
        : accessLogTo(destination(accessLog), logFormat, pretty),
    pretty,
    reopen: () => {
      const files = [...open].filter(([path]) => path !== "-");
      const reopened = files.filter(([, one]) => one.reopen());
      for (const [path] of reopened) give(path, owner);
      return reopened.length === files.length;
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

/** These lines are few, and the last ones before an end are the ones to read: they do not wait as access lines do. */
function formatted(
  to: LineBuffer,
  colorize: boolean,
): { write(line: string): void } {
  const format = prettyFactory({ colorize, ignore: "pid,hostname" });
  return { write: (line) => to.write(format(JSON.parse(line))) };
}

function accessLogTo(
  file: LineBuffer,
  logFormat: string,
  pretty: boolean,
): AccessLog | undefined {
  if (!pretty && ["json", "auto"].includes(logFormat))
    return createAccessLog(pino({}, file), true);
  const format = compile(
    pretty ? PRETTY : logFormat === "combined" ? COMBINED : logFormat,
  );
  return (record) => file.writeSoon(`${format(record)}\n`);
}

function compile(format: string): ReturnType<typeof compileFormat> {
  try {
    return compileFormat(format);
  } catch (cause) {
    throw new CommandFailure(
      EXIT.usage,
      `logFormat: ${(cause as Error).message}`,
      { cause },
    );
  }
}
