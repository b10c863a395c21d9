/** What uWebSockets.js says of a request, copied: it forgets all of it when the route callback returns. */
import { formatAddress } from "../../common/address.ts";
import { CLOSE_OPTION } from "../../common/fields.ts";
import type { Head, Outlet, Peer } from "../engine.ts";
import type { Entrance } from "../entrance.ts";
import type { HttpRequest, HttpResponse } from "./load.ts";

export class UwsHead implements Head {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly fields: readonly string[];
  readonly #res: HttpResponse;
  readonly #outlet: Outlet;
  readonly #entrance: Entrance;
  #peer: UwsPeer | undefined = undefined;

  constructor(
    method: string,
    req: HttpRequest,
    fields: readonly string[],
    res: HttpResponse,
    outlet: Outlet,
    entrance: Entrance,
  ) {
    this.method = method;
    this.path = req.getUrl();
    this.query = req.getQuery() ?? "";
    this.fields = fields;
    this.#res = res;
    this.#outlet = outlet;
    this.#entrance = entrance;
  }

  /** The engine answers 505 to all other versions. */
  get protocol(): string {
    return "HTTP/1.1";
  }

  get peer(): Peer {
    return (this.#peer ??= new UwsPeer(
      this.#res,
      this.#outlet,
      this.#entrance,
    ));
  }
}

class UwsPeer implements Peer {
  readonly #res: HttpResponse;
  readonly #outlet: Outlet;
  readonly #entrance: Entrance;
  #address: string | undefined;
  #proxiedAddress: string | undefined;

  constructor(res: HttpResponse, outlet: Outlet, entrance: Entrance) {
    this.#res = res;
    this.#outlet = outlet;
    this.#entrance = entrance;
  }

  get address(): string | undefined {
    return (this.#address ??= this.#askAddress());
  }

  /** Not later: the connections of the entrance may be others then. */
  #askAddress(): string | undefined {
    const { peerAddress } = this.#entrance;
    if (!this.#isKnown) return undefined;
    return peerAddress ?? textOf(this.#res.getRemoteAddress());
  }

  get proxiedAddress(): string | undefined {
    if (this.#proxiedAddress === undefined && this.#isKnown)
      this.#proxiedAddress = textOf(this.#res.getProxiedRemoteAddress());
    return this.#proxiedAddress;
  }

  get #isKnown(): boolean {
    const { state } = this.#outlet;
    return state === "waiting" || state === "streaming";
  }
}

const textOf = (address: ArrayBuffer): string =>
  formatAddress(new Uint8Array(address));

/** Name, value, name, value, …; names in lower case. */
export function readFields(req: HttpRequest): readonly string[] {
  let fields: string[] | undefined; // an empty array would get room for sixteen with the first field
  req.forEach((name, value) => {
    if (fields === undefined) fields = [name, value];
    else fields.push(name, value);
  });
  return fields ?? NONE;
}

const NONE: readonly string[] = [];

/** The client has asked for the end of its connection (RFC 9112, section 9.6). */
export const clientCloses = (fields: readonly string[]): boolean =>
  wishes(fields).some((wish) => CLOSE_OPTION.test(wish));

/** It has in the only way that the engine knows: by an option of five letters. */
export const engineCloses = (fields: readonly string[]): boolean =>
  wishes(fields)[0]?.length === 5;

const wishes = (fields: readonly string[]): string[] =>
  fields.filter((_, i) => i % 2 === 1 && fields[i - 1] === "connection");

/** How the body of a request is framed. */
export function bodyKind(
  fields: readonly string[],
): "none" | "length" | "chunked" {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === "transfer-encoding") return "chunked";
    if (fields[i] === "content-length")
      return Number(fields[i + 1]) === 0 ? "none" : "length";
  }
  return "none";
}
