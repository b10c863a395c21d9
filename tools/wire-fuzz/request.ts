/** A request that is valid by construction, and what must come of it. */
import { echo, showEnviron, type Heard } from "../../test/wire/answers.ts";
import { environOf } from "../../test/wire/node-application.ts";
import type { Answer, ExpectedReply, Message } from "./message.ts";
import { PLACES, type Place } from "./places.ts";

/** What a request is made of. */
export interface Parts {
  readonly method: string;
  readonly place: Place;
  /** Behind the place. */
  readonly path: string;
  /** Without its question mark; undefined for none. */
  readonly query: string | undefined;
  /** All but the one that tells the body's length. */
  readonly fields: readonly Field[];
  readonly body: Body | undefined;
}

export interface Field {
  readonly name: string;
  readonly value: string;
  /** White space before and behind the value. */
  readonly around: readonly [before: string, behind: string];
}

export interface Body {
  /** The bytes, in chunks or else as one. */
  readonly pieces: readonly string[];
  readonly chunked: boolean;
  /** The field that tells the length. */
  readonly announced: {
    /** How many others stand before it. */
    readonly at: number;
    readonly lowerCase: boolean;
    readonly around: Field["around"];
  };
}

export class ValidRequest implements Message {
  readonly parts: Parts;
  readonly requests = 1;
  #bytes: string | undefined;
  #outcome: Answer | undefined;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  get bytes(): string {
    return (this.#bytes ??= `${this.head}\r\n${encode(this.parts.body)}`);
  }

  get outcome(): Answer {
    return (this.#outcome ??= outcomeOf(this.parts));
  }

  /** Request line and fields. */
  get head(): string {
    const { method } = this.parts;
    const lines = allFields(this.parts).map(
      ({ name, value, around: [before, behind] }) =>
        `${name}:${before}${value}${behind}\r\n`,
    );
    return `${method} ${this.target} HTTP/1.1\r\n${lines.join("")}`;
  }

  get target(): string {
    const { place, path, query } = this.parts;
    return place + path + (query === undefined ? "" : `?${query}`);
  }

  *simpler(): Generator<ValidRequest> {
    for (const change of simplerParts(this.parts))
      yield new ValidRequest({ ...this.parts, ...change });
  }
}

function outcomeOf(parts: Parts): Answer {
  const { method, place, fields } = parts;
  const final = finalReply(parts);
  const interim = fields.some(isExpectation) ? [CONTINUE] : [];
  const called = final.status === 200;
  return {
    kind: "answer",
    method,
    replies: [...interim, final],
    calls: called ? [final.body || whatIsSeen(parts)] : [],
    closes: fields.some(isClose),
    waits: called && PLACES[place].waits,
    comparable: KNOWN_TO_NODE.has(method),
  };
}

/** The methods that llhttp knows, of those that are made here. */
export const KNOWN_TO_NODE: ReadonlySet<string> = new Set(
  "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE PROPFIND M-SEARCH PURGE".split(
    " ",
  ),
);

const CONTINUE: ExpectedReply = { status: 100, head: false, body: undefined };

const named =
  (wanted: string) =>
  ({ name }: Field): boolean =>
    name.toLowerCase() === wanted;

const isHost = named("host");
/** RFC 9110, section 10.1.1. */
const isExpectation = named("expect");
/** RFC 9112, section 9.6. */
const isClose = named("connection");

/** A percent sign without two hexadecimal digits behind it. */
export const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

function finalReply(parts: Parts): ExpectedReply {
  const { method, place, path } = parts;
  const { status, methods } = PLACES[place];
  const head = method === "HEAD";
  const refused = (status: number): ExpectedReply => ({
    status,
    head,
    body: undefined,
  });
  if (BAD_ESCAPE.test(path)) return refused(400);
  if (status !== 200) return refused(status);
  if (methods && !methods.includes(method)) return refused(405);
  return { status, head, body: head ? "" : whatIsSeen(parts) };
}

/** As `answerTo` of the applications puts it. */
function whatIsSeen(parts: Parts): string {
  const { method, place, path, query = "" } = parts;
  const fields = allFields(parts).map(
    ({ name, value }) => [name.toLowerCase(), value] as const,
  );
  const heard = { method, path: place + path, query, fields };
  const body = PLACES[place].reads ? (parts.body?.pieces.join("") ?? "") : "";
  return answerTo(place, heard, body);
}

/** What an application says: what it sees, byte by byte. */
export function answerTo(
  place: Place,
  heard: Omit<Heard, "body">,
  body: string,
): string {
  const head =
    place === "/wsgi"
      ? showEnviron(environOf(heard), "")
      : echo({ ...heard, body: "" });
  return body === "" ? head : `${head}\n\n${body}`;
}

function allFields({ fields, body }: Parts): readonly Field[] {
  if (body === undefined) return fields;
  const { at, lowerCase, around } = body.announced;
  const length = String(body.pieces.join("").length);
  const [name, value] = body.chunked
    ? ["Transfer-Encoding", "chunked"]
    : ["Content-Length", length];
  const field = { name: lowerCase ? name.toLowerCase() : name, value, around };
  return fields.toSpliced(at, 0, field);
}

/** RFC 9112, section 7.1. */
function encode(body: Body | undefined): string {
  if (body === undefined) return "";
  if (!body.chunked) return body.pieces.join("");
  const chunks = body.pieces
    .filter((piece) => piece !== "")
    .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`);
  return `${chunks.join("")}0\r\n\r\n`;
}

/** With one thing left out or made plain. */
function* simplerParts(parts: Parts): Generator<Partial<Parts>> {
  const { method, place, path, query, fields, body } = parts;
  if (body !== undefined) {
    if (!fields.some(isExpectation)) yield { body: undefined };
    if (body.chunked) yield { body: { ...body, chunked: false } };
    yield* simplerPieces(body.pieces).map((pieces) => ({
      body: { ...body, pieces },
    }));
  }
  for (const [index, field] of fields.entries())
    if (!isHost(field)) yield { fields: fields.toSpliced(index, 1) };
  for (const [index, field] of fields.entries())
    for (const simple of simplerField(field))
      yield { fields: fields.with(index, simple) };
  if (query !== undefined) yield { query: undefined };
  if (query) yield { query: "" };
  const segments = path.split("/").slice(1);
  for (const i of segments.keys())
    yield { path: ["", ...segments.toSpliced(i, 1)].join("/") };
  if (method !== "GET") yield { method: "GET" };
  if (place !== "/sync") yield { place: "/sync" };
}

function simplerPieces(pieces: readonly string[]): string[][] {
  const shorter = pieces.flatMap((piece, i) =>
    piece.length > 1
      ? [pieces.with(i, piece.slice(0, piece.length >> 1)).slice()]
      : [],
  );
  const fewer =
    pieces.length > 1 ? pieces.map((_, i) => pieces.toSpliced(i, 1)) : [];
  return [...fewer, ...shorter];
}

function* simplerField(field: Field): Generator<Field> {
  const { name, value, around } = field;
  if (around.join("") !== " ") yield { ...field, around: [" ", ""] };
  if (isHost(field)) {
    if (value !== "a") yield { ...field, value: "a" };
  } else if (!isExpectation(field) && !isClose(field)) {
    if (value.length > 1) yield { ...field, value: "v" };
    if (name.length > 1) yield { ...field, name: "X" };
  }
}
