/**
 * The access log: one line for each exchange, as JSON or by a format string, as Apache has it (`%h "%r" %>s`) or as
 * Gunicorn has it (`%(h)s "%(r)s"`).
 *
 * https://httpd.apache.org/docs/2.4/mod/mod_log_config.html
 * https://docs.gunicorn.org/en/stable/settings.html#access-log-format
 */
import { pino } from "pino";
import { UsageError, type Outcome } from "../common/errors.ts";
import { LineBuffer } from "../common/line-buffer.ts";
import {
  isPinoLogger,
  lineOf,
  loggerBehind,
  type Logger,
  type PinoLogger,
} from "../common/log.ts";
import { REDACTED, Secrets } from "../common/secrets.ts";
import type { GatewayRequest } from "../request/request.ts";
import { idsOf, traceOf } from "../traces/trace.ts";

/** What is known of an exchange when it has ended. */
export interface AccessRecord {
  request: GatewayRequest;
  /** Undefined when the client went away before there was one. */
  status: number | undefined;
  /** Body bytes handed to the engine. */
  bytes: number;
  durationMs: number;
  outcome: Outcome;
}

export type AccessLog = (record: AccessRecord) => void | PromiseLike<void>;

/**
 * Writes each exchange as fields, as the message in Apache's combined format, or as somebody else sees fit. It never
 * throws, because the exchange has to end anyway.
 */
export function createAccessLog(
  log: Logger,
  format: boolean | "combined" | AccessLog,
  secrets?: Secrets,
): AccessLog | undefined {
  if (format === false) return undefined;
  if (typeof format === "function") return guarded(format, log);
  const own = loggerBehind(log);
  if (format === "combined") return asText(log, own, secrets);
  const write: AccessLog = (record) => log.info(fieldsOf(record), "request");
  return isPlain(own) ? quick(own, write) : write;
}

/** Lines that programs for Apache's logs read, where the logger writes its own. One that is not pino's gets them. */
function asText(log: Logger, own: Logger, secrets?: Secrets): AccessLog {
  const combined = compileFormat(COMBINED, { secrets });
  if (!isPinoLogger(own)) return (record) => log.info(combined(record));
  const write = sinkOf(own);
  return (record) => {
    if (!own.isLevelEnabled("info")) return;
    try {
      write(`${combined(record)}\n`);
    } catch {
      log.info(combined(record)); // its door says what the destination has thrown
    }
  };
}

/** A failure of the function goes to the log. */
function guarded(write: AccessLog, log: Logger): AccessLog {
  return (record) => {
    const failed = (error: unknown): void =>
      log.error(
        { err: error, requestId: record.request.id },
        "the access log's function failed",
      );
    try {
      void write(record)?.then?.(undefined, failed);
    } catch (error) {
      failed(error);
    }
  };
}

/** The same line, put together by hand. What the logger's destination throws, `write` has the door for. */
function quick(log: PinoLogger, write: AccessLog): AccessLog {
  const line = lineWriter(log);
  return (record) => {
    try {
      line(jsonMembers(fieldsOf(record)), "request");
    } catch {
      void write(record);
    }
  };
}

const { symbols } = pino;

/** Puts lines together by hand, on the hot path. */
function lineWriter(log: PinoLogger) {
  const write = sinkOf(log);
  return (members: string, message: string): void => {
    if (log.isLevelEnabled("info"))
      write(lineOf(log, INFO, log[symbols.timeSym](), members, message));
  };
}

/** Writes lines where the logger does: if it can, to a buffer. Several streams choose by the level. */
function sinkOf(log: PinoLogger): (line: string) => void {
  const stream = log[symbols.streamSym];
  if (stream instanceof LineBuffer) return (line) => stream.writeSoon(line);
  if (stream[symbols.needsMetadataGsym] === true)
    return (line) => Object.assign(stream, { lastLevel: INFO }).write(line);
  return (line) => stream.write(line);
}

const INFO = 30;

/**
 * Whether pino would write the same lines as `lineOf`. Options that may change only some lines are looked for; all
 * others show in a line of a sample, for which no function of the logger's owner is called.
 */
function isPlain(log: Logger): log is PinoLogger {
  if (!isPinoLogger(log)) return false;
  const it = log;
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
  return written === lineOf(it, INFO, "", jsonMembers(SAMPLE), "request");
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

// As JSON.

/** The fields of an access line in JSON, in their order. */
function fieldsOf(record: AccessRecord) {
  const { request, status, bytes, durationMs, outcome } = record;
  return {
    method: request.method,
    path: request.mountPath + request.path,
    status,
    bytes,
    durationMs: Math.round(durationMs * 1000) / 1000,
    outcome,
    remoteAddress: request.remoteAddress,
    requestId: request.id,
    ...idsOf(traceOf(request)),
  };
}

type AccessFields = ReturnType<typeof fieldsOf>;

/** `,"method":"GET","path":"/" …`: by hand, because it is on the hot path. */
function jsonMembers(fields: AccessFields): string {
  const { status } = fields;
  return (
    `,"method":${quote(fields.method)},"path":${quote(fields.path)}` +
    (status === undefined ? "" : `,"status":${status}`) +
    `,"bytes":${fields.bytes},"durationMs":${decimal(fields.durationMs)}` +
    `,"outcome":"${fields.outcome}","remoteAddress":"${fields.remoteAddress}","requestId":"${fields.requestId}"` +
    (fields.traceId === undefined
      ? ""
      : `,"traceId":"${fields.traceId}","spanId":"${fields.spanId!}"`)
  );
}

const quote = (text: string): string => `"${escapeJson(text)}"`;

const escapeJson = (text: string): string =>
  isPlainText(text) ? text : JSON.stringify(text).slice(1, -1);

/** Needs no escape in JSON or in a format, like nearly all text. A loop, because it is on the hot path. */
function isPlainText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH)
      return false;
  }
  return true;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** `.000` to `.999`, because JavaScript is slow to find the shortest text of a fraction. */
const FRACTIONS = Array.from(
  { length: 1000 },
  (_, i) => `.${String(i).padStart(3, "0")}`,
);

function decimal(ms: number): string {
  const whole = Math.floor(ms);
  return whole + FRACTIONS[Math.round((ms - whole) * 1000)]!;
}

// By a format.

/** Text that is the same in each line, or a function for text that is not. `escape` is for what a client has sent. */
type Piece =
  | string
  | ((
      record: AccessRecord,
      escape: (text: string) => string,
    ) => string | number);

export const COMBINED =
  '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"';
export const PRETTY = "%m %U%q %s %b %Mms %h %L";

const target = ({ request }: AccessRecord): string =>
  request.mountPath + request.path;
const query = ({ request }: AccessRecord): string =>
  request.queryString && `?${request.queryString}`;

/** The letters that mean the same to both. */
const BOTH: Readonly<Record<string, Piece>> = {
  h: ({ request }) => request.remoteAddress || "-",
  l: "-",
  u: "-",
  t: () => `[${now()}]`,
  r: (record, escape) =>
    escape(
      `${record.request.method} ${target(record)}${query(record)} ${record.request.protocol}`,
    ),
  m: ({ request }, escape) => escape(request.method),
  U: (record, escape) => escape(target(record)),
  q: (record, escape) => escape(query(record)),
  H: ({ request }) => request.protocol,
  s: ({ status }) => status ?? "-",
  B: ({ bytes }) => bytes,
  b: ({ bytes }) => bytes || "-",
  D: ({ durationMs }) => Math.round(durationMs * 1000),
  T: ({ durationMs }) => Math.floor(durationMs / 1000),
};

const APACHE: Readonly<Record<string, Piece>> = {
  ...BOTH,
  L: ({ request }) => request.id,
  P: String(process.pid),
  M: ({ durationMs }) => Math.round(durationMs * 1000) / 1000, // not Apache's; Gunicorn's in this form
  O: ({ outcome }) => outcome, // ours
};

const GUNICORN: Readonly<Record<string, Piece>> = {
  ...BOTH,
  f: header("referer"),
  a: header("user-agent"),
  M: ({ durationMs }) => Math.round(durationMs),
  L: ({ durationMs }) => (durationMs / 1000).toFixed(6),
  p: `<${process.pid}>`,
};

function header(name: string, secrets = new Secrets()): Piece {
  if (secrets.has(name)) return REDACTED;
  const key = name.toLowerCase();
  return ({ request }, escape) => escape(request.headers.get(key) ?? "-");
}

const DIRECTIVE =
  /%%|%>?([a-zA-Z])|%\{([^}]+)\}i|%\(([a-zA-Z])\)s|%\(\{([^}]+)\}i\)s|%/g;

interface FormatOptions {
  /** Which header fields are not shown. */
  readonly secrets?: Secrets | undefined;
}

/**
 * @throws {UsageError} for a directive that does not exist.
 */
export function compileFormat(
  format: string,
  { secrets }: FormatOptions = {},
): (record: AccessRecord) => string {
  const escape = (text: string): string =>
    isPlainText(text) ? text : escapeField(text);
  const pieces: Piece[] = [];
  let literal = "";
  let end = 0;
  for (const match of format.matchAll(DIRECTIVE)) {
    literal += format.slice(end, match.index);
    end = match.index + match[0].length;
    const piece = pieceFor(match, format, secrets);
    if (typeof piece === "string") literal += piece;
    else {
      pieces.push(literal, piece);
      literal = "";
    }
  }
  pieces.push(literal + format.slice(end));
  return (record) => {
    let line = "";
    for (const piece of pieces) {
      if (typeof piece === "string") line += piece;
      else line += piece(record, escape);
    }
    return line;
  };
}

function pieceFor(
  match: RegExpExecArray,
  format: string,
  secrets: Secrets | undefined,
): Piece {
  const [written, apache, apacheHeader, gunicorn, gunicornHeader] = match;
  if (written === "%%") return "%";
  const name = apacheHeader ?? gunicornHeader;
  const piece = name
    ? header(name, secrets)
    : (APACHE[apache ?? ""] ?? GUNICORN[gunicorn ?? ""]);
  if (piece !== undefined) return piece;
  const unknown =
    written === "%" ? format.slice(match.index, match.index + 4) : written;
  const letters = (of: object, show: (letter: string) => string): string =>
    Object.keys(of).map(show).join(" ");
  throw new UsageError(
    `there is no ${unknown} in a format; there are ${letters(APACHE, (letter) => `%${letter}`)} %{name}i, ` +
      `and in Gunicorn's way ${letters(GUNICORN, (letter) => `%(${letter})s`)} %({name}i)s`,
  );
}

/** A client must not be able to end a field early or to start a line: escaped as Apache does. */
function escapeField(text: string): string {
  return text.replace(/["\\]/g, "\\$&").replace(
    // oxlint-disable-next-line no-control-regex
    /[\x00-\x1f\x7f]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** The time of this second, which all its lines share. */
const clock = { second: 0, text: "" };

/** `10/Oct/2000:13:55:36 +0000` */
function now(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== clock.second) {
    const [, day, month, year, time] = new Date(second * 1000)
      .toUTCString()
      .split(" ");
    clock.second = second;
    clock.text = `${day}/${month}/${year}:${time} +0000`;
  }
  return clock.text;
}
