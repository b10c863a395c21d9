/** The head of a reply, as uWebSockets.js is given it. */
import { hasField } from "../../common/fields.ts";
import { REQUEST_ID_FIELD, type ReplyHead } from "../engine.ts";
import { engineCloses } from "./head.ts";
import type { HttpResponse } from "./load.ts";

/** Seconds after which the engine looks again for connections that were silent for too long. */
const LOOK_S = 4;

/**
 * What the engine is told, so that no connection ends before: it counts its looks, of which the first may come at once.
 * With fewer than two, a connection that is in the middle of something would be cut, too.
 */
export function idleSecondsFor(idleTimeoutMs: number): number {
  return Math.ceil(idleTimeoutMs / 1000) + LOOK_S;
}

/**
 * What a reply says whose connection stays open, so that clients do not use it when it is about to end: those of
 * Node.js heed that. Written before the next field, in one crossing into the engine with it.
 */
export class Keeping {
  /** That of `Keep-Alive` is the last (RFC 2068, section 19.7.1), and has to be named (RFC 9110, section 7.6.1). */
  readonly name = "connection: keep-alive\r\nkeep-alive";
  readonly value: string;
  /** As bytes: the engine encodes a text each time. */
  readonly beforeType: Buffer;
  readonly #before: string;
  #last: Joined | undefined;

  constructor(idleSeconds: number) {
    const looks = Math.ceil(idleSeconds / LOOK_S);
    this.value = `timeout=${(looks - 1) * LOOK_S}`; // the first may come at once
    this.#before = `${this.name}: ${this.value}\r\n`;
    this.beforeType = Buffer.from(`${this.#before}content-type`);
  }

  /** Before a field of this name. */
  nameOf(field: string): string | Buffer {
    return field === "content-type" ? this.beforeType : this.#before + field;
  }

  /** Replies that have their fields in common, as those of a file have, often follow one another. */
  join(fields: ReplyHead["fields"]): Joined {
    if (this.#last?.fields !== fields)
      return (this.#last = joined(fields, this.nameOf(fields[0] as string)));
    if (typeof this.#last.value === "string") this.#last = asBytes(this.#last);
    return this.#last;
  }
}

/**
 * Text in one crossing into the engine, which writes a value as it is: to cross costs more than to join. They are
 * checked, so that none has a line end of its own.
 */
interface Joined {
  readonly fields: ReplyHead["fields"];
  readonly name: string | Buffer;
  readonly value: string | Buffer;
  /** Where what is not in it begins: bytes. */
  readonly rest: number;
}

function joined(fields: ReplyHead["fields"], name: string | Buffer): Joined {
  let value = fields[1]!;
  let rest = 2;
  if (typeof value === "string")
    for (; typeof fields[rest + 1] === "string"; rest += 2)
      value += `\r\n${fields[rest] as string}: ${fields[rest + 1] as string}`;
  return { fields, name, value, rest };
}

/** The engine encodes a text each time. */
const asBytes = (text: Joined): Joined => ({
  ...text,
  name: Buffer.from(text.name),
  value: Buffer.from(text.value),
});

/**
 * @param requestId goes along, unless the application gives one itself.
 * @param keeping of a connection that stays open.
 */
export function writeHead(
  res: HttpResponse,
  { statusLine, fields, close }: ReplyHead,
  requestId: string | undefined,
  keeping?: Keeping,
): void {
  if (statusLine !== "200 OK") res.writeStatus(statusLine);
  writeFields(res, fields, close ? undefined : keeping);
  if (requestId !== undefined && !hasField(fields, REQUEST_ID_FIELD))
    res.writeHeader(REQUEST_ID_FIELD, requestId);
}

function writeFields(
  res: HttpResponse,
  fields: ReplyHead["fields"],
  keeping: Keeping | undefined,
): void {
  if (fields.length === 0) {
    if (keeping) res.writeHeader(keeping.name, keeping.value);
    return;
  }
  const text = keeping?.join(fields) ?? joined(fields, fields[0] as string);
  res.writeHeader(text.name, text.value);
  for (let i = text.rest; i < fields.length; i += 2)
    res.writeHeader(fields[i]!, fields[i + 1]!);
}

/** The engine says that it closes only where that is not the client's wish. */
export function announceClose(
  res: HttpResponse,
  fields: readonly string[],
): void {
  if (engineCloses(fields)) res.writeHeader("connection", "close");
}

/** `length`: that of the body it would have. To the engine it would be one that is still to come, and no idle time. */
export function endBodiless(
  res: HttpResponse,
  length: number | undefined,
  close: boolean,
): void {
  if (length !== undefined && close)
    return void res.endWithoutBody(length, true);
  if (length !== undefined) res.writeHeader("content-length", String(length));
  res.endWithoutBody(); // an explicit undefined would be taken for a number
}

// What the engine writes itself, where it is to end no connection with it, or one with something that it cannot end.
// `behind`: makes it send its cork; it belongs to no reply.

/** The rest of a head, and a body. */
export function endBody(
  res: HttpResponse,
  body: Uint8Array,
  behind: Uint8Array,
): void {
  res.writeHeader("connection", "close");
  const length = Buffer.from(`${body.length}\r\n\r\n`);
  finishHead(res, "content-length", Buffer.concat([length, body, behind]));
}

/** The rest of a head that has said already that it is the last one, and no body. */
export function endEmpty(res: HttpResponse, behind: Uint8Array): void {
  finishHead(res, "content-length", Buffer.concat([EMPTY, behind]));
}

const EMPTY = Buffer.from("0\r\n");

/** The engine gives a head that ends a connection a length, which 204 must not have (RFC 9110, section 8.6). */
export function endHead(
  res: HttpResponse,
  length: number | undefined,
  behind: Uint8Array,
): void {
  if (length !== undefined) res.writeHeader("content-length", String(length));
  finishHead(res, "connection", Buffer.concat([CLOSE, behind]));
}

const CLOSE = Buffer.from("close\r\n");

/** The last field, with the empty line behind it. */
function finishHead(res: HttpResponse, name: string, rest: Uint8Array): void {
  res.writeHeader("date", new Date().toUTCString()); // which the engine writes with a body
  res.writeHeader(name, rest);
}
