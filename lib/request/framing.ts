/**
 * What the header fields of a request must be before any application runs (RFC 9112, sections 3.2 and 6). The engine
 * forgives some of what is refused here, and two servers in a row that forgive differently see different requests.
 */
import { isIPv6 } from "node:net";
import { MalformedRequestError } from "../common/errors.ts";
import { CLOSE_OPTION } from "../common/fields.ts";

type BodyLength = number | "chunked";

/** What the header fields say of the message itself. */
export interface Frame {
  /** 0 without a body, "chunked" for one whose length shows at its end. */
  readonly bodyLength: BodyLength;
  /** The client wants no further reply on this connection. */
  readonly close: boolean;
}

/** Most requests: one object for all of them. */
const BARE: Frame = Object.freeze({ bodyLength: 0, close: false });

/** Reads the frames of requests, one after the other. */
export class Framing {
  /**
   * Most requests are for the host that the one before was for, and to look at a host takes as long as all else here.
   */
  #knownHost = "";

  /**
   * Header fields: name, value, name, value, …; names in lower case.
   *
   * @throws {MalformedRequestError} when it cannot be said for certain where the request ends, or the host is none.
   */
  frameOf(raw: readonly string[]): Frame {
    let bodyLength: BodyLength | undefined;
    let close = false;
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!;
      const value = raw[i + 1]!;
      if (value === this.#knownHost && name === "host") continue;
      if (value.includes(DELETE))
        throw new MalformedRequestError(
          `header ${name} has a control character in it`,
        );
      switch (name) {
        case "host":
          this.#knownHost = toHost(value);
          break;
        case "connection":
          close ||= CLOSE_OPTION.test(value);
          break;
        case "content-length":
        case "transfer-encoding":
          if (bodyLength !== undefined)
            throw new MalformedRequestError(
              "the length of the body is announced twice",
            );
          bodyLength =
            name === "content-length" ? toLength(value) : toChunked(value);
      }
    }
    return bodyLength === undefined && !close
      ? BARE
      : { bodyLength: bodyLength ?? 0, close };
  }
}

/** The only control character that the engine lets through (RFC 9110, section 5.5). */
const DELETE = "\x7f";

/** RFC 9110, section 8.6: digits, and no more of them than a number holds exactly. */
function toLength(value: string): number {
  if (!/^\d{1,15}$/.test(value))
    throw new MalformedRequestError(
      "the content-length is not a number of bytes that could be sent",
    );
  return Number(value);
}

/** RFC 9112, section 6.1. `chunked` is the one coding here; what else the client means cannot be known. */
function toChunked(value: string): "chunked" {
  if (value !== "chunked")
    throw new MalformedRequestError('the transfer-encoding is not "chunked"');
  return value;
}

function toHost(value: string): string {
  if (!isAuthority(value))
    throw new MalformedRequestError("the host is not a valid authority");
  return value;
}

/**
 * RFC 3986, section 3.2: a name, an IPv4 address or an IPv6 address in brackets, and a port. Empty where the target
 * has no authority (RFC 9112, section 3.2).
 */
export function isAuthority(value: string): boolean {
  const match = AUTHORITY.exec(value);
  if (match === null) return false;
  const [, ipv6, port = ""] = match;
  return Number(port) <= 65_535 && (ipv6 === undefined || isIPv6(ipv6));
}

const AUTHORITY =
  /^(?:\[([0-9a-fA-F:.]+)\]|(?:[a-zA-Z0-9\-._~!$&'()*+,;=]|%[0-9a-fA-F]{2})*)(?::(\d*))?$/;
