/**
 * The heads of requests and replies as one string each, with a field on each line. No field has a line break in it: the
 * engine and `CheckedHeaders` see to that.
 */
import {
  CheckedHeaders,
  RequestHeaders,
  type GatewayResponse,
} from "../../../lib/adapter.ts";
import type { ShownCertificate } from "../../common/cgi.ts";
import type { EnvironHead } from "../environ.ts";

export function writeRequest(request: EnvironHead): string {
  const { method, mountPath, path, queryString, host } = request;
  const { remoteAddress, scheme, protocol, deadline = "" } = request;
  const { peerCertificate: it } = request;
  const shown = it && JSON.stringify([it.subject, it.issuer, it.serialNumber]);
  const line = `${method}\n${mountPath}\n${path}\n${queryString}\n${remoteAddress}\n${scheme}\n${host}\n${deadline}\n${protocol}\n${shown ?? ""}`;
  const { raw } = request.headers;
  return raw.length === 0 ? line : `${line}\n${raw.join("\n")}`;
}

/** By index, as it is on the hot path: to take an array apart by a pattern runs an iterator. */
export function readRequest(text: string): EnvironHead {
  const fields = text.split("\n");
  const deadline = fields[7]!;
  return {
    method: fields[0]!,
    mountPath: fields[1]!,
    path: fields[2]!,
    queryString: fields[3]!,
    remoteAddress: fields[4]!,
    scheme: fields[5] as EnvironHead["scheme"],
    host: fields[6]!,
    deadline: deadline === "" ? undefined : Number(deadline),
    protocol: fields[8]!,
    peerCertificate: fields[9] === "" ? undefined : readCertificate(fields[9]!),
    headers: new RequestHeaders(fields.slice(10)),
  };
}

function readCertificate(text: string): ShownCertificate {
  const [subject, issuer, serialNumber] = JSON.parse(text) as string[];
  return { subject: subject!, issuer: issuer!, serialNumber: serialNumber! };
}

type ReplyHead = Pick<GatewayResponse, "status" | "statusText"> & {
  readonly headers: CheckedHeaders;
};

type Body = NonNullable<GatewayResponse["body"]>;

/** What `CheckedHeaders` found out, a letter each. */
const MARK = { contentType: "t", close: "c", latin1: "l" } as const;

export function writeReply({ status, statusText, headers }: ReplyHead): string {
  const { fields, contentLength, hasContentType, close } = headers;
  let marks = hasContentType ? MARK.contentType : "";
  if (close) marks += MARK.close;
  let lines = "";
  for (const field of fields) {
    if (typeof field === "string") lines += `\n${field}`;
    else {
      if (!marks.includes(MARK.latin1)) marks += MARK.latin1;
      lines += `\n${field.toString("latin1")}`;
    }
  }
  return `${status}\n${statusText ?? ""}\n${contentLength ?? ""}\n${marks}${lines}`;
}

/** Heads of replies. An application has few: one that is the same as the last does not cross, nor is it read again. */
export class ReplyReader {
  #last: ReplyHead | undefined;

  /** `text` is undefined for the same as the last. */
  read(text: string | undefined, body: Body): GatewayResponse {
    if (text !== undefined) this.#last = readHead(text);
    const { status, statusText, headers } = this.#last!;
    return { status, statusText, headers, body };
  }
}

/** One that `writeReply` wrote: its fields were checked there, and are not checked again. */
function readHead(text: string): ReplyHead {
  const lines = text.split("\n");
  const [statusText, length, marks] = [lines[1]!, lines[2]!, lines[3]!];
  const fields = lines.slice(4);
  const headers = new CheckedHeaders();
  return {
    status: Number(lines[0]),
    statusText: statusText === "" ? undefined : statusText,
    headers: Object.assign(headers, {
      fields: marks.includes(MARK.latin1) ? fields.map(asBytes) : fields,
      hasContentType: marks.includes(MARK.contentType),
      close: marks.includes(MARK.close),
      contentLength: length === "" ? undefined : Number(length),
    }),
  };
}

/** The engine writes strings as UTF-8; these are bytes. */
function asBytes(field: string): string | Buffer {
  // oxlint-disable-next-line no-control-regex
  return /^[\0-\x7f]*$/.test(field) ? field : Buffer.from(field, "latin1");
}
