/** Requests that are invalid by construction: a valid one, and a mistake that docs/http.md says is refused. */
import type { Random } from "../fuzz/random.ts";
import { createRequest } from "./create.ts";
import { token } from "./grammar.ts";
import type { Message } from "./message.ts";

/** The head of a valid request in parts, to be spoilt. */
interface Head {
  line: string;
  /** Without their line breaks; Host is among them. */
  fields: string[];
  /** Behind the fields: the empty line, the body, and a further request that nobody must see. */
  rest: string;
}

type Spoil = (head: Head, random: Random) => void;

/** RFC 9110, section 5.5, without CR, LF and tab. */
const CONTROLS = Array.from({ length: 32 }, (_, code) =>
  String.fromCharCode(code),
)
  .filter((character) => !"\r\n\t".includes(character))
  .concat("\x7f");

/** Neither in a token nor white space. */
const DELIMITERS = [...'"(),/;<=>?@[\\]{}'];

const BAD_LENGTHS = [
  "",
  "+1",
  "-1",
  "1x",
  "0x1",
  "1,1",
  "1 1",
  "1.0",
  "9".repeat(16),
];
const BAD_CODINGS = [
  "",
  "gzip",
  "chunked, chunked",
  "gzip, chunked",
  "Chunked",
  "xchunked",
  "chunked;q=1",
  "identity",
  '"chunked"',
  "chunke",
];
const BAD_HOSTS = [
  "a/b",
  "a b",
  "u@a",
  "a:x",
  "a:99999",
  "[::1",
  "a:1:2",
  "::1",
  "a?b",
  "a#b",
  "http://a",
  "a%zz",
  "[a",
  "<a>",
];
const BAD_LINES = [
  "GET /sync HTTP/1.0",
  "GET /sync HTTP/1.2",
  "GET /sync HTTP/2.0",
  "GET /sync http/1.1",
  "GET  /sync HTTP/1.1",
  "GET\t/sync HTTP/1.1",
  "GET /sync  HTTP/1.1",
  "GET http://a/sync HTTP/1.1",
  "OPTIONS * HTTP/1.1",
  "CONNECT a:80 HTTP/1.1",
  "GET sync HTTP/1.1",
  " GET /sync HTTP/1.1",
  "GET /sync/#a HTTP/1.1",
  "GET /sync/\x7f HTTP/1.1",
];

const MISTAKES: Readonly<Record<string, Spoil>> = {
  "a second length": (head, random) => {
    const length = random.pick(["0", "3", "5"]);
    add(head, random, `Content-Length: ${length}`);
    add(head, random, `Content-Length: ${random.pick(["0", "3", length])}`);
  },
  "a bad length": (head, random) => {
    drop(head, /^(content-length|transfer-encoding):/i);
    add(head, random, `Content-Length: ${random.pick(BAD_LENGTHS)}`);
  },
  "a length and a coding": (head, random) => {
    drop(head, /^(content-length|transfer-encoding):/i);
    add(head, random, "Content-Length: 3");
    add(head, random, "Transfer-Encoding: chunked");
  },
  "a bad coding": (head, random) => {
    drop(head, /^(content-length|transfer-encoding):/i);
    add(head, random, `Transfer-Encoding: ${random.pick(BAD_CODINGS)}`);
  },
  "a second coding": (head, random) => {
    drop(head, /^(content-length|transfer-encoding):/i);
    add(head, random, "Transfer-Encoding: chunked");
    add(head, random, "transfer-encoding: chunked");
  },
  "no host": (head) => drop(head, /^host:/i),
  "a second host": (head, random) => add(head, random, "Host: a"),
  "a bad host": (head, random) => {
    drop(head, /^host:/i);
    add(head, random, `Host: ${random.pick(BAD_HOSTS)}`);
  },
  "a bad name": (head, random) => {
    const bad = random.pick([...CONTROLS, ...DELIMITERS, " ", "\t", "\xe9"]);
    add(head, random, `${insert(random, token(random), bad)}: v`);
  },
  "white space before a colon": (head, random) =>
    add(head, random, `${token(random)}${random.pick([" ", "\t", "  "])}: v`),
  "a line without a colon": (head, random) => add(head, random, token(random)),
  "a control character in a value": (head, random) =>
    add(head, random, `X: v${insert(random, "vvv", random.pick(CONTROLS))}v`),
  "a bare LF in a value": (head, random) => add(head, random, "X: v\nY: w"),
  "a folded value": (head, random) =>
    add(head, random, `X: v\r\n${random.pick([" ", "\t"])}w`),
  "a bad method": (head, random) => {
    const [method, rest] = split(head.line);
    head.line = insert(random, method, random.pick(DELIMITERS)) + rest;
  },
  "a bad line": (head, random) => (head.line = random.pick(BAD_LINES)),
  "too many fields": (head, random) => {
    for (let i = 0; i < 99; i++) add(head, random, `X: ${i}`);
  },
  "a head that is too long": (head, random) =>
    add(head, random, `X: ${"v".repeat(17_000 + random.below(50_000))}`),
};

const mistakeNames = Object.keys(MISTAKES);

/** A mistake in a request. */
export class FaultyRequest implements Message {
  readonly requests = 1;
  readonly outcome = { kind: "refusal" } as const;
  readonly mistake: string;
  readonly bytes: string;

  constructor(mistake: string, bytes: string) {
    this.mistake = mistake;
    this.bytes = bytes;
  }

  /** What is left out may be the mistake itself, so nothing is but what nobody looks at. */
  *simpler(): Generator<FaultyRequest> {
    const at = this.bytes.lastIndexOf(NEVER);
    if (at >= 0) yield new FaultyRequest(this.mistake, this.bytes.slice(0, at));
  }
}

/** Behind the mistake. */
const NEVER = "GET /sync/never HTTP/1.1\r\nHost: a\r\n\r\n";

export function createFault(random: Random): FaultyRequest {
  const mistake = random.pick(mistakeNames);
  const request = createRequest(random, false);
  const [line = "", ...lines] = request.head.trimEnd().split("\r\n");
  const fields = lines.filter((field) => !/^expect:/i.test(field)); // the engine says 100 before eddy sees the request
  const rest = request.bytes.slice(request.head.length);
  const head: Head = {
    line,
    fields,
    rest: random.chance(0.5) ? rest : rest + NEVER,
  };
  MISTAKES[mistake]!(head, random);
  return new FaultyRequest(
    mistake,
    [head.line, ...head.fields, ""].join("\r\n") + head.rest,
  );
}

/** As one of the fields, anywhere but before the first: white space there is another mistake. */
function add({ fields }: Head, random: Random, line: string): void {
  fields.splice(random.below(fields.length + 1), 0, line);
}

function drop(head: Head, pattern: RegExp): void {
  head.fields = head.fields.filter((line) => !pattern.test(line));
}

function insert(random: Random, text: string, what: string): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + what + text.slice(at);
}

/** Method, and what is behind it. */
function split(line: string): [method: string, rest: string] {
  const at = line.indexOf(" ");
  return [line.slice(0, at), line.slice(at)];
}
