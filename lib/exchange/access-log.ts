/** The access log: one line an exchange. */
import type { Outcome } from "../common/errors.ts";
import type { Logger } from "../common/log.ts";
import type { GatewayRequest } from "../request/request.ts";

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

export type AccessLog = (record: AccessRecord) => void;

/** Writes each exchange as fields, as the message in Apache's combined format, or as somebody else sees fit. */
export function createAccessLog(
  log: Logger,
  format: boolean | "combined" | AccessLog,
): AccessLog | undefined {
  if (format === false) return undefined;
  if (typeof format === "function") return guarded(format, log);
  if (format === "combined") return (record) => log.info(combined(record));
  return ({ request, status, bytes, durationMs, outcome }) =>
    log.info(
      {
        method: request.method,
        path: request.mountPath + request.path,
        status,
        bytes,
        durationMs: Math.round(durationMs * 1000) / 1000,
        outcome,
        remoteAddress: request.remoteAddress,
        requestId: request.id,
      },
      "request",
    );
}

/** Whatever becomes of the line, the exchange has to end. */
function guarded(write: AccessLog, log: Logger): AccessLog {
  return (record) => {
    try {
      write(record);
    } catch (error) {
      log.error(
        { err: error, requestId: record.request.id },
        "the access log's function failed",
      );
    }
  };
}

/** `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"`. https://httpd.apache.org/docs/2.4/logs.html#combined */
function combined({ request, status, bytes }: AccessRecord): string {
  const query = request.queryString && `?${request.queryString}`;
  const line = `${request.method} ${request.mountPath}${request.path}${query} HTTP/1.1`;
  const header = (name: string): string =>
    quoted(request.headers.get(name) ?? "-");
  return (
    `${request.remoteAddress || "-"} - - [${commonLogTime(new Date())}] ${quoted(line)} ` +
    `${status ?? "-"} ${bytes || "-"} ${header("referer")} ${header("user-agent")}`
  );
}

function quoted(text: string): string {
  return `"${escapeField(text)}"`;
}

// oxlint-disable-next-line no-control-regex
const NEEDS_ESCAPE = /["\\\x00-\x1f\x7f]/;

/** A client must not be able to end a field early or to start a line: escaped as Apache does. */
export function escapeField(text: string): string {
  if (!NEEDS_ESCAPE.test(text)) return text;
  return text.replace(/["\\]/g, "\\$&").replace(
    // oxlint-disable-next-line no-control-regex
    /[\x00-\x1f\x7f]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

const MONTHS = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
];

/** 10/Oct/2000:13:55:36 +0000 */
export function commonLogTime(now: Date): string {
  const [date, time] = now.toISOString().split(/[T.]/) as [string, string];
  const [year, month, day] = date.split("-") as [string, string, string];
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
}
