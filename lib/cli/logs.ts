/** The logs of one process: what is written where, in which form. */
import { createRequire } from "node:module";
import { lchownSync, lstatSync } from "node:fs";
import { isatty } from "node:tty";
import { pino, type Logger } from "pino";
import { LineBuffer, textGap } from "../common/line-buffer.ts";
import { createLog } from "../common/log.ts";
import { Secrets } from "../common/secrets.ts";
import {
  COMBINED,
  compileFormat,
  createAccessLog,
  PRETTY,
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
  /** How many lines there was no room for, since the start. */
  readonly linesLost: () => number;
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
  const hasFields = !pretty && ["json", "auto"].includes(logFormat);
  const destination = (path: string, isText: boolean): LineBuffer => {
    const gap = isText ? textGap : undefined;
    const there = open.get(path) ?? openFile(path, owner, gap);
    open.set(path, there);
    return there;
  };
  const secrets = new Secrets(settings.redact);
  const log = pino(
    { level: logLevel },
    pretty
      ? formatted(destination(errorLog, true), terminal)
      : destination(errorLog, false),
  );
  return {
    log: createLog(log, secrets),
    accessLog:
      accessLog === "none"
        ? undefined
        : hasFields
          ? createAccessLog(pino({}, destination(accessLog, false)), true)
          : accessLinesTo(
              destination(accessLog, true),
              logFormat,
              pretty,
              secrets,
            ),
    pretty,
    linesLost: () =>
      [...open.values()].reduce((sum, { linesLost }) => sum + linesLost, 0),
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

function openFile(
  path: string,
  owner: Identity,
  gap: typeof textGap | undefined,
): LineBuffer {
  if (path === "-") return new LineBuffer(1, gap);
  return attempt(EXIT.usage, `cannot write the log ${path}`, () => {
    const file = new LineBuffer(path, gap);
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

function accessLinesTo(
  file: LineBuffer,
  logFormat: string,
  pretty: boolean,
  secrets: Secrets,
): AccessLog {
  const format = attempt(EXIT.usage, "logFormat", () =>
    compileFormat(
      pretty ? PRETTY : logFormat === "combined" ? COMBINED : logFormat,
      { secrets },
    ),
  );
  const time = pretty ? timeOfDay : () => "";
  return (record) => file.writeSoon(`${time()}${format(record)}\n`);
}

const timeOfDay = (): string => `[${new Date().toTimeString().slice(0, 8)}] `;
