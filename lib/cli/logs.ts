/** The logs of one process: what is written where, in which form. */
import { createRequire } from "node:module";
import { lchownSync, lstatSync } from "node:fs";
import { isatty } from "node:tty";
import { pino, type Logger } from "pino";
import { LineBuffer } from "../common/log.ts";
import {
  COMBINED,
  compileFormat,
  createAccessLog,
  PRETTY,
  SECRET_HEADERS,
  type AccessLog,
} from "../exchange/access-log.ts";
import { attempt, EXIT } from "./failure.ts";
import type { Identity } from "./identity.ts";
import type { Settings } from "./schema.ts";

export interface Logs {
  readonly log: Logger;
  readonly accessLog: AccessLog | undefined;
  /** Lines are for people to read. */
  readonly pretty: boolean;
  /** Writes what waits, for a process that is ended in the middle of something. */
  readonly flush: () => void;
  /** Opens the files anew after they were moved. False when not all of them can be opened. */
  readonly reopen: () => boolean;
}

/**
 * @param owner gets the files: the supervisor opens them first, and the workers, which run as `owner`, write to them.
 * @throws {CommandFailure} for a format that is not valid, or a file that cannot be written.
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
    flush: () => {
      for (const buffer of open.values()) buffer.flush();
    },
    reopen: () => {
      const files = [...open].filter(([path]) => path !== "-");
      const reopened = files.filter(([, one]) => one.reopen());
      for (const [path] of reopened) give(path, owner);
      return reopened.length === files.length;
    },
  };
}

/** Where headers may be in what is logged. */
const SECRETS = SECRET_HEADERS.flatMap((name) => [
  name,
  `headers.${name}`,
  `*.${name}`,
  `*.headers.${name}`,
]);

function openFile(path: string, owner: Identity): LineBuffer {
  if (path === "-") return new LineBuffer(1);
  return attempt(EXIT.usage, `cannot write the log ${path}`, () => {
    const file = new LineBuffer(path);
    give(path, owner);
    return file;
  });
}

/** Only a plain file: neither a device or a pipe, nor the target of a link, which others may have chosen. */
function give(path: string, { uid, gid }: Identity): void {
  if (uid === undefined && gid === undefined) return;
  if (lstatSync(path).isFile()) lchownSync(path, uid ?? -1, gid ?? -1);
}

function formatted(
  to: LineBuffer,
  colorize: boolean,
): { write(line: string): void } {
  const { prettyFactory } = createRequire(import.meta.url)(
    "pino-pretty", // slow to load, and seldom needed
  ) as typeof import("pino-pretty");
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
  const format = attempt(EXIT.usage, "logFormat", () =>
    compileFormat(
      pretty ? PRETTY : logFormat === "combined" ? COMBINED : logFormat,
    ),
  );
  return (record) => file.writeSoon(`${format(record)}\n`);
}
