/**
 * The packet that begins a request of the uwsgi protocol: a request as variables, they as bytes, and these on their
 * way. `lib/uwsgi/packet.ts` says how it is laid out.
 */
import {
  addHeaders,
  CERTIFICATE_VARIABLES,
  CGI_VARIABLES,
  targetOf,
} from "../common/cgi.ts";
import { namesToDrop, whoAsks } from "../common/forwarded.ts";
import {
  fieldsFor,
  HttpError,
  type Call,
  type GatewayRequest,
} from "../../lib/adapter.ts";
import { endToEnd, ReplySocket } from "../../lib/upstream.ts";

/**
 * `Expect` is answered here; `HTTP_PROXY` is the name of a setting in the environment of many programs
 * (CVE-2016-5385).
 */
const DROPPED = ["expect", "proxy"];

/**
 * The variables that nginx's `uwsgi_params` sends, those of a certificate that the client has shown, and no others. Who
 * asks is in fields, too: Gunicorn has no REMOTE_ADDR at a Unix socket.
 * `bodyLength`: as the upstream gets it; undefined without a body.
 */
export function variablesOf(
  request: GatewayRequest,
  bodyLength: number | undefined,
  call?: Call,
): Record<string, string> {
  const { scheme, headers } = request;
  const { peerCertificate } = request;
  const variables: Record<string, string> = {};
  for (const [name, make] of Object.entries(CGI_VARIABLES))
    variables[name] = make(request);
  if (peerCertificate !== undefined)
    for (const [name, make] of Object.entries(CERTIFICATE_VARIABLES))
      variables[name] = make(peerCertificate);
  variables["REQUEST_URI"] = targetOf(request);
  variables["REQUEST_SCHEME"] = scheme;
  if (scheme === "https") variables["HTTPS"] = "on";
  const fields = fieldsFor(call, headers.raw);
  addHeaders(variables, endToEnd(fields, [...DROPPED, ...namesToDrop(fields)]));
  addHeaders(variables, whoAsks(request));
  variables["CONTENT_TYPE"] ??= "";
  variables["CONTENT_LENGTH"] =
    bodyLength === undefined ? "" : String(bodyLength);
  return variables;
}

/** Of a GET that is the gateway's own, and asks how the server is. */
export function healthVariables(target: string): Record<string, string> {
  const [path = "", query = ""] = target.split(/\?(.*)/s);
  return {
    REQUEST_METHOD: "GET",
    SCRIPT_NAME: "",
    PATH_INFO: path,
    QUERY_STRING: query,
    REQUEST_URI: target,
    SERVER_NAME: "localhost",
    SERVER_PORT: "80",
    SERVER_PROTOCOL: "HTTP/1.1",
    REMOTE_ADDR: "127.0.0.1",
    REQUEST_SCHEME: "http",
    CONTENT_TYPE: "",
    CONTENT_LENGTH: "",
    HTTP_HOST: "localhost",
    HTTP_USER_AGENT: "eddy",
  };
}

/** Bytes of a block that the 16 bits of its size allow. */
export const MAX_BLOCK = 0xffff;

const HEADER = 4;

/**
 * @param variables - strings with a character for each byte.
 * @throws {HttpError} 431 when they are longer than a packet may be.
 */
export function encodePacket(
  variables: Readonly<Record<string, string>>,
): Buffer {
  const texts = Object.entries(variables).flat();
  const size = texts.reduce((sum, text) => sum + 2 + text.length, 0);
  if (size > MAX_BLOCK)
    throw new HttpError(
      431,
      `the request's head takes ${size} bytes as variables, and the server behind takes ${MAX_BLOCK}`,
    );
  const packet = Buffer.allocUnsafe(HEADER + size);
  packet.writeUInt8(0, 0); // modifier1 0: a WSGI request
  packet.writeUInt16LE(size, 1);
  packet.writeUInt8(0, 3);
  let at = HEADER;
  for (const text of texts) {
    packet.writeUInt16LE(text.length, at);
    at += 2 + packet.write(text, at + 2, "latin1");
  }
  return packet;
}

type Written = (error?: Error | null) => void;
type Piece = { chunk: unknown; encoding: BufferEncoding };

/** A connection of Node's HTTP client: a packet takes the place of the request's head. */
export class UwsgiSocket extends ReplySocket {
  #packet: Buffer | undefined;

  constructor(packet: Buffer) {
    super();
    this.#packet = packet;
  }

  override _write(
    chunk: unknown,
    encoding: BufferEncoding,
    written: Written,
  ): void {
    const piece = this.#translate({ chunk, encoding });
    super._write(piece.chunk, piece.encoding, written);
  }

  override _writev([first, ...others]: Piece[], written: Written): void {
    super._writev([this.#translate(first!), ...others], written);
  }

  /** The client writes the head first, and in a piece of its own. */
  #translate(piece: Piece): Piece {
    if (this.#packet === undefined) return piece;
    const chunk = this.#packet;
    this.#packet = undefined;
    return { chunk, encoding: "buffer" as BufferEncoding };
  }
}
