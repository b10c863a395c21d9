/** The access log: one line an exchange. */
import { pino, type DestinationStream } from "pino";
import { LineBuffer } from "../common/line-buffer.ts";
import type { Logger } from "../common/log.ts";
import {
  COMBINED,
  compileFormat,
  fieldsOf,
  jsonMembers,
  escapeJson,
  type AccessFields,
  type AccessRecord,
} from "./access-line.ts";

export type { AccessRecord } from "./access-line.ts";

export type AccessLog = (record: AccessRecord) => void | PromiseLike<void>;

/** Writes each exchange as fields, as the message in Apache's combined format, or as somebody else sees fit. */
export function createAccessLog(
  log: Logger,
  format: boolean | "combined" | AccessLog,
): AccessLog | undefined {
  if (format === false) return undefined;
  if (typeof format === "function") return guarded(format, log);
  if (!isPlain(log)) {
    const combined = compileFormat(COMBINED);
    return format === true
      ? (record) => log.info(fieldsOf(record), "request")
      : (record) => log.info(combined(record));
  }
  const write = lineWriter(log);
  const combined = compileFormat(COMBINED, escapeJson);
  return format === true
    ? (record) => write(jsonMembers(fieldsOf(record)), "request")
    : (record) => write("", combined(record));
}

/** A failure of the function goes to the log, because the exchange has to end anyway. */
function guarded(write: AccessLog, log: Logger): AccessLog {
  return (record) => {
    const failed = (error: unknown): void =>
      log.error(
        { err: error, requestId: record.request.id },
        "the access log's function failed",
      );
    try {
      void write(record)?.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  };
}

const { symbols } = pino;

/** The parts of a pino logger that go into its lines. */
interface PinoLogger extends Logger {
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

/** Puts lines together by hand, on the hot path, and writes them where the logger does: if it can, to a buffer. */
function lineWriter(log: PinoLogger) {
  const stream = log[symbols.streamSym];
  return (members: string, message: string): void => {
    if (!log.isLevelEnabled("info")) return;
    const line = lineOf(log, log[symbols.timeSym](), members, message);
    if (stream instanceof LineBuffer) stream.writeSoon(line);
    else stream.write(line);
  };
}

const lineOf = (
  log: PinoLogger,
  time: string,
  members: string,
  message: string,
): string =>
  `${log[symbols.lsCacheSym][INFO]}${time}${log[symbols.chindingsSym]}` +
  `${members},"msg":"${message}"${log[symbols.endSym]}`;

const INFO = 30;

/**
 * Whether pino would write the same lines as `lineOf`. Options that may change only some lines are looked for; all
 * others show in a line of a sample, for which no function of the logger's owner is called.
 */
function isPlain(log: Logger): log is PinoLogger {
  const it = log as PinoLogger;
  if (it[symbols.lsCacheSym] === undefined) return false; // of another copy of pino, or not pino's at all
  const keys = [...Object.keys(SAMPLE), "msg"];
  if (
    it[symbols.mixinSym] !== undefined ||
    it[symbols.formattersSym].log !== undefined ||
    it[symbols.streamSym][symbols.needsMetadataGsym] === true ||
    Object.values(it[symbols.hooksSym]).some((hook) => hook !== undefined) ||
    Reflect.ownKeys(it[symbols.stringifiersSym]).length > 0 ||
    keys.some((key) => key in it[symbols.serializersSym])
  )
    return false;
  let written: string | undefined;
  const stream = { write: (line: string) => (written = line) };
  const probe = Object.create(it, {
    [symbols.streamSym]: { value: stream },
    [symbols.timeSym]: { value: () => "" },
  }) as Logger;
  probe.info(SAMPLE, "request");
  return written === lineOf(it, "", jsonMembers(SAMPLE), "request");
}

const SAMPLE: AccessFields = {
  method: "GET",
  path: '/"',
  status: 200,
  bytes: 1,
  durationMs: 0.125,
  outcome: "ok",
  remoteAddress: "::1",
  requestId: "a-1",
};
