/** What node:http says of a request, as the gateway reads it. */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Head, Peer } from "../engine.ts";
import { pathAndQuery, targetText } from "../path-and-query.ts";

export class NodeHead implements Head {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly fields: readonly string[];
  readonly peer: Peer;
  /** How many fields `Host` came. */
  readonly hosts: number;
  readonly #request: IncomingMessage;

  constructor(request: IncomingMessage, peer: Peer) {
    const fields = request.rawHeaders; // nobody else reads it
    this.hosts = normalize(fields);
    this.method = request.method!;
    [this.path, this.query] = pathAndQuery(
      targetText(originOf(request.url!, fields)),
    );
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

/** Names in lower case, values as text. Gives the number of hosts. */
function normalize(fields: string[]): number {
  let hosts = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] = fields[i]!.toLowerCase());
    if (name === "host") hosts++;
    fields[i + 1] = toText(fields[i + 1]!);
  }
  return hosts;
}

const HIGH = /[\x80-\xff]/;

/** Node gives a character for each byte. What is UTF-8 becomes text, all else stays as it is. */
export function toText(value: string): string {
  if (!HIGH.test(value)) return value;
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString() : value;
}

/** What came behind a body, likewise. */
export const trailersOf = (raw: readonly string[]): string[] =>
  raw.map((it, i) => (i % 2 === 0 ? it.toLowerCase() : toText(it)));

/** The other end of a connection. */
export class NodePeer implements Peer {
  readonly #socket: Socket;
  readonly proxiedAddress: string;
  #address: string | undefined;
  #certificate: X509Certificate | undefined;

  constructor(socket: Socket, proxiedAddress: string) {
    this.#socket = socket;
    this.proxiedAddress = proxiedAddress;
  }

  get address(): string {
    return (this.#address ??= plainAddress(this.#socket.remoteAddress ?? ""));
  }

  get certificate(): X509Certificate | undefined {
    const socket = this.#socket as TLSSocket;
    if (socket.authorized !== true) return undefined;
    return (this.#certificate ??= socket.getPeerX509Certificate());
  }
}

/** An IPv4-mapped IPv6 address as IPv4, and no zone, which means nothing on another machine. */
export const plainAddress = (address: string): string =>
  address.replace(/^::ffff:(?=[\d.]+$)/, "").replace(/%.*/, "");
