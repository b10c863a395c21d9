/** A reply as middleware looks at it and changes it, whatever the application has returned. */
import { headOf } from "../reply/head.ts";
import { pairs } from "../reply/headers.ts";
import { toResponse } from "../reply/reply.ts";
import type { GatewayResponse, Reply, ReplyHeaders } from "../reply/types.ts";
import { isUpgrade } from "../reply/upgrade-reply.ts";
import type { Upgrade } from "../websocket/upgrade.ts";

/**
 * What `next()` comes to: a reply, and it may be changed. Has a `content-type` wherever the client would get one. Of a
 * WebSocket the status is 101, there is no body, and what the headers are given goes out with the handshake.
 */
export interface EditableReply extends GatewayResponse {
  status: number;
  statusText?: string | undefined;
  readonly headers: EditableHeaders;
  body: GatewayResponse["body"];
}

/** Header fields in the order they are sent in. Names are found whatever their case. */
export class EditableHeaders implements Iterable<
  readonly [name: string, value: string]
> {
  #fields: (readonly [name: string, value: string])[];

  constructor(headers: ReplyHeaders | undefined) {
    this.#fields = headers === undefined ? [] : [...pairs(headers)];
  }

  /** The value; those of repeated fields joined by a comma, except that of `set-cookie` it is the first. */
  get(name: string): string | undefined {
    const values = this.all(name);
    if (values.length < 2) return values[0];
    return name.toLowerCase() === "set-cookie" ? values[0] : values.join(", ");
  }

  /** The value of each field of that name. */
  all(name: string): string[] {
    const wanted = name.toLowerCase();
    return this.#fields
      .filter(([its]) => its.toLowerCase() === wanted)
      .map(([, value]) => value);
  }

  has(name: string): boolean {
    const wanted = name.toLowerCase();
    return this.#fields.some(([its]) => its.toLowerCase() === wanted);
  }

  /** In place of all fields of that name. */
  set(name: string, value: string | number): this {
    return this.delete(name).append(name, value);
  }

  /** Beside those of that name. */
  append(name: string, value: string | number): this {
    this.#fields.push([name, String(value)]);
    return this;
  }

  delete(name: string): this {
    const unwanted = name.toLowerCase();
    this.#fields = this.#fields.filter(
      ([its]) => its.toLowerCase() !== unwanted,
    );
    return this;
  }

  /** Says that the reply depends on these fields of the request (RFC 9110, section 12.5.5). */
  vary(...names: readonly string[]): this {
    const said = (this.get("vary") ?? "").split(",").map((it) => it.trim());
    const known = new Set(said.map((it) => it.toLowerCase()));
    if (known.has("*")) return this;
    const missing = names.filter((name) => !known.has(name.toLowerCase()));
    if (missing.length === 0) return this;
    return this.set("vary", [...said.filter(Boolean), ...missing].join(", "));
  }

  [Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    return this.#fields[Symbol.iterator]();
  }
}

/** @throws {InvalidReplyError} for what is no reply. */
export function editable(reply: Reply): EditableReply {
  if (typeof reply === "object" && reply !== null) {
    if (isUpgrade(reply)) return editableUpgrade(reply as Upgrade);
    if ((reply as GatewayResponse).headers instanceof EditableHeaders)
      return reply as EditableReply;
  }
  const response = toResponse(reply);
  const headers = new EditableHeaders(response.headers);
  const type = headers.has("content-type") ? undefined : typeOf(response);
  if (type !== undefined) headers.set("content-type", type);
  // with the place where its body runs, which is a symbol's
  return {
    ...response,
    status: response.status ?? 200,
    headers,
  } as EditableReply;
}

/** It stays what it is, but for its fields. */
function editableUpgrade(reply: Upgrade): EditableReply {
  const { headers } = reply;
  if (headers instanceof EditableHeaders) return reply as never;
  const copy: unknown = Object.create(Object.getPrototypeOf(reply) as object);
  return Object.assign(copy as object, reply, {
    status: 101,
    headers: new EditableHeaders(headers),
    body: null,
  });
}

/** What the gateway would say of a body that nobody has said anything of. */
function typeOf({ status, body }: GatewayResponse): string | undefined {
  const { fields } = headOf({ status, body });
  return fields[1] as string | undefined;
}
