/** What node:http says of a request, as the gateway reads it. */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Head, Peer } from "../engine.ts";

export class NodeHead implements Head {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly fields: readonly string[];
  readonly peer: Peer;
  readonly #request: IncomingMessage;

  constructor(request: IncomingMessage, peer: Peer) {
    const fields = readFields(request.rawHeaders);
    const target = originOf(request.url!, fields);
    const mark = target.indexOf("?");
    this.method = request.method!;
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.query = mark < 0 ? "" : target.slice(mark + 1);
    this.fields = fields;
    this.peer = peer;
    this.#request = request;
  }

  get protocol(): string {
    return `HTTP/${this.#request.httpVersion}`;
  }
}

const SLASH = 0x2f;

/**
 * The path and query of a target. Where it is a whole URL, the authority in that counts, and not the field `Host` (RFC
 * 9112, section 3.2.2).
 */
function originOf(target: string, fields: string[]): string {
  if (target.charCodeAt(0) === SLASH) return target;
  const [, authority, origin] = ABSOLUTE.exec(target) ?? [];
  if (authority === undefined) return target;
  const at = fields.findIndex((name, i) => i % 2 === 0 && name === "host");
  if (at < 0) fields.push("host", authority);
  else fields[at + 1] = authority;
  return origin!.startsWith("/") ? origin! : `/${origin}`;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;

/** The fields as they came, with names in lower case; the array is the request's own, and nobody else reads it. */
function readFields(raw: string[]): string[] {
  for (let i = 0; i < raw.length; i += 2) {
    raw[i] = raw[i]!.toLowerCase();
    if (HIGH.test(raw[i + 1]!)) raw[i + 1] = toText(raw[i + 1]!);
  }
  return raw;
}

const HIGH = /[\x80-\xff]/;

/** Node gives a character for each byte. What is UTF-8 becomes text, all else stays as it is. */
function toText(value: string): string {
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString() : value;
}

/** The other end of a connection. */
export class NodePeer implements Peer {
  readonly #socket: Socket;
  readonly #fronted: boolean;
  readonly proxiedAddress: string;
  #address: string | undefined;

  constructor(socket: Socket, fronted: boolean, proxiedAddress: string) {
    this.#socket = socket;
    this.#fronted = fronted;
    this.proxiedAddress = proxiedAddress;
  }

  get address(): string {
    if (this.#fronted) return this.proxiedAddress;
    return (this.#address ??= plainAddress(this.#socket.remoteAddress ?? ""));
  }
}

/** An IPv4-mapped IPv6 address as IPv4, and no zone, which means nothing on another machine. */
const plainAddress = (address: string): string =>
  address.replace(/^::ffff:(?=[\d.]+$)/, "").replace(/%.*/, "");
