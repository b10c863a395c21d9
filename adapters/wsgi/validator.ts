/**
 * Checks that a server and an application keep to PEP 3333 when they talk to each other: the counterpart of Python's
 * `wsgiref.validate`, for tests and development. It stands between the two, passes everything on unchanged and throws
 * at the first rule that either of them breaks.
 *
 * A `close()` that never comes goes unnoticed: there is no moment at which to throw.
 */
import { inspect } from "node:util";
import { NOT_FOR_APPLICATIONS } from "./start-response.ts";
import type * as Wsgi from "./types.ts";

/**
 * A rule of PEP 3333 is broken. The message says by whom (`server:` or `application:`), which rule, and what was
 * seen.
 */
export class WsgiViolation extends Error {
  override name = "WsgiViolation";
}

type Headers = Parameters<Wsgi.StartResponse>[1];
type Size = [size?: number];
type Check = (ok: unknown, broken: string, ...seen: unknown[]) => asserts ok;
/** What a string has to match, and what is wrong with it otherwise. */
type Rule = readonly [pattern: RegExp, broken: string];

/** What the application has answered so far in one call. */
interface Reply {
  head: boolean;
  started: boolean;
  lengths: string[];
  bytes: number;
}

const SHORT = { breakLength: Infinity, maxStringLength: 80 };
const server: Check = checkOf("server");
const application: Check = checkOf("application");

// PEP 3333, "environ Variables" and "Input and Error Streams"
const REQUIRED = [
  ["REQUEST_METHOD", "SERVER_NAME", "SERVER_PORT"],
  ["wsgi.version", "wsgi.url_scheme", "wsgi.input", "wsgi.errors"],
  ["wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"],
].flat();
const MISNAMED = ["HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"]; // RFC 3875 section 4.1.18
const NATIVE: Rule = [/^[^\u0100-\uffff]*$/, "has a character above 0xff"];
const PATH: Rule = [/^(\/|$)/, 'does not begin with "/"'];
const ENVIRON: Record<string, Rule[]> = {
  "wsgi.url_scheme": [[/^https?$/, "is neither http nor https"]],
  SCRIPT_NAME: [PATH, [/^(?!\/$)/, "is not empty at the root"]],
  PATH_INFO: [PATH],
  CONTENT_LENGTH: [[/^\d*$/, "is not a non-negative integer"]],
};
const METHODS: Record<string, PropertyKey[]> = {
  "wsgi.input": ["read", "readline", "readlines", Symbol.iterator],
  "wsgi.errors": ["flush", "write", "writelines"],
};

// PEP 3333, "The start_response() Callable" and "Other HTTP Features"
const TEXT: Rule = [/^[ -~\x80-\xff]*$/, "has a control or wide character"];
const STATUS: Rule = [/^[1-9]\d\d [^ ](.*[^ ])?$/, 'is not like "200 OK"'];
const LENGTH: Rule = [/^\d+$/, "is not a number of bytes"]; // RFC 9110 section 8.6
const HEADER_NAME: Rule[] = [
  [/^[!#$%&'*+.^`|~\w-]+$/, "is not a token"], // RFC 9110 section 5.6.2
  [/[^-_]$/, 'ends in "-" or "_"'],
  [/^(?!status$)/i, "is not allowed, it is an argument of its own"],
  [
    RegExp(`^(?!(${[...NOT_FOR_APPLICATIONS].join("|")})$)`, "i"),
    "is not allowed, it is hop-by-hop", // RFC 9110 section 7.6.1
  ],
];
const BODILESS = /^(1|204|304)/; // RFC 9110 section 6.4.1

/**
 * Wraps `app` in checks of both sides: of the server that calls it and of the application itself. The wrapped
 * application is mounted like any other; its result always has a `close()`. As in `wsgiref`, the streams in `environ`
 * are replaced in place.
 *
 * @throws {WsgiViolation} from the call that breaks a rule, or shows that one is broken: of the application,
 * `startResponse`, `write`, or of a method of `wsgi.input`, `wsgi.errors` or the result.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { validator, wsgi } from "eddy/adapters/wsgi";
 *
 * const app = validator((environ, startResponse) => {
 *   startResponse("200", [["Content-Type", "text/plain"]]);
 *   return ["Hello"];
 * });
 * const loop = new Loop();
 * loop.mount("/legacy", wsgi(app));
 * await loop.listen(8000);
 * // A request fails with: application: status is not like "200 OK": '200'
 * ```
 */
export function validator(app: Wsgi.WsgiApp): Wsgi.WsgiApp {
  return (...args: unknown[]) => {
    const { length } = args;
    server(length === 2, "application is not given two arguments", length);
    const [environ, start] = args;
    checkEnviron(environ);
    server(isFunction(start), "startResponse is not a function", start);
    const head = environ.REQUEST_METHOD === "HEAD";
    const reply: Reply = { head, started: false, lengths: [], bytes: 0 };
    environ["wsgi.input"] = new CheckedInput(environ["wsgi.input"]);
    environ["wsgi.errors"] = new CheckedErrors(environ["wsgi.errors"]);
    const result = app(environ, checkedStart(start, reply));
    const isIterable = isFunction(Object(result)[Symbol.iterator]);
    application(isIterable, "result is not iterable", result);
    application(!isChunk(result), "result is not in chunks", result);
    return new CheckedResult(result, reply);
  };
}

function checkOf(side: "server" | "application"): Check {
  return (ok, broken, ...seen) => {
    if (ok) return;
    const shown = seen.map((value) => inspect(value, SHORT));
    throw new WsgiViolation([side, broken, ...shown].join(": "));
  };
}

function checkText(check: Check, name: string, text: unknown, rules: Rule[]) {
  check(typeof text === "string", `${name} is not a string`, text);
  for (const [pattern, broken] of rules) {
    check(pattern.test(text), `${name} ${broken}`, text);
  }
}

function checkEnviron(environ: unknown): asserts environ is Wsgi.Environ {
  server(isPlainObject(environ), "environ is not a plain object", environ);
  for (const key of REQUIRED) server(key in environ, `environ has no ${key}`);
  for (const key of MISNAMED) server(!(key in environ), `environ has ${key}`);
  for (const [key, value] of Object.entries(environ)) {
    if (key.includes(".")) continue; // an extension, of any type
    checkText(server, `environ["${key}"]`, value, [NATIVE]);
  }
  for (const [key, rules] of Object.entries(ENVIRON)) {
    checkText(server, `environ["${key}"]`, environ[key] ?? "", rules);
  }
  const { SCRIPT_NAME, PATH_INFO, "wsgi.version": version } = environ;
  server(SCRIPT_NAME || PATH_INFO, "SCRIPT_NAME and PATH_INFO are both empty");
  const isVersion = isPair(version) && version.every(Number.isFinite);
  server(isVersion, 'environ["wsgi.version"] is not two numbers', version);
  checkStreams(environ);
}

function checkStreams(environ: Record<string, unknown>): void {
  for (const [key, methods] of Object.entries(METHODS)) {
    for (const method of methods) {
      const found = isFunction(Object(environ[key])[method]);
      server(found, `environ["${key}"] has no ${String(method)}()`);
    }
  }
}

/** The `startResponse` that the application gets; `reply` learns what it began. */
function checkedStart(start: Wsgi.StartResponse, reply: Reply) {
  return (...args: Parameters<Wsgi.StartResponse>): Wsgi.Write => {
    const [status, headers, excInfo] = args;
    const isCall = args.length === 2 || args.length === 3;
    application(isCall, "startResponse takes two or three arguments", args);
    const allowed = !reply.started || (excInfo ?? null) !== null;
    application(allowed, "startResponse is repeated without excInfo", args);
    checkText(application, "status", status, [TEXT, STATUS]);
    checkHeaders(headers);
    checkBodyHeaders(status, headers);
    const write = start(...args);
    server(isFunction(write), "startResponse does not return write()", write);
    reply.started = true;
    reply.lengths = valuesOf("content-length", headers);
    return (chunk) => write(counted(reply, chunk));
  };
}

function checkHeaders(headers: unknown): asserts headers is Headers {
  application(Array.isArray(headers), "headers are not an array", headers);
  for (const header of headers) {
    application(isPair(header), "header is not an array of two", header);
    const [name, value] = header;
    checkText(application, "header name", name, HEADER_NAME);
    checkText(application, `value of header ${String(name)}`, value, [TEXT]);
  }
}

function checkBodyHeaders(status: string, headers: Headers): void {
  const bodiless = BODILESS.test(status);
  const typed = valuesOf("content-type", headers).length > 0;
  application(typed || bodiless, "content-type is missing", headers);
  for (const name of ["content-type", "content-length"]) {
    const ok = !bodiless || valuesOf(name, headers).length === 0;
    application(ok, `${name} is not allowed with this status`, status);
  }
  for (const length of valuesOf("content-length", headers)) {
    checkText(application, "content-length", length, [LENGTH]);
  }
}

/** Passes a chunk on; `reply` learns its length. */
function counted(reply: Reply, chunk: unknown): Wsgi.Chunk {
  application(isChunk(chunk), "chunk is not a string or Uint8Array", chunk);
  reply.bytes += Buffer.byteLength(chunk);
  return chunk;
}

function checkLength({ head, lengths, bytes }: Reply): void {
  const ok = head || lengths.every((length) => Number(length) === bytes);
  application(ok, `content-length is not the ${bytes} bytes sent`, ...lengths);
}

/** PEP 3333, "Specification Details": what the server does with the result, and what comes out of it. */
class CheckedResult {
  readonly #result: Wsgi.WsgiResult;
  readonly #reply: Reply;
  #state: "new" | "iterated" | "ended" | "closed" = "new";

  constructor(result: Wsgi.WsgiResult, reply: Reply) {
    this.#result = result;
    this.#reply = reply;
  }

  [Symbol.iterator](): Iterator<Wsgi.Chunk> {
    server(this.#state === "new", `iterates a result already ${this.#state}`);
    this.#state = "iterated";
    const iterator = this.#result[Symbol.iterator]();
    return {
      next: () => this.#next(iterator),
      return: (value) => {
        if (this.#state !== "closed") this.#state = "ended";
        return iterator.return?.(value) ?? { done: true, value };
      },
    };
  }

  #next(iterator: Iterator<Wsgi.Chunk>): IteratorResult<Wsgi.Chunk> {
    const iterated = this.#state === "iterated";
    server(iterated, `calls next() on a result already ${this.#state}`);
    this.#state = "ended"; // stays so when the application throws
    const step = iterator.next();
    // Not before next(): a generator calls startResponse on the way to its first chunk
    application(this.#reply.started, "no startResponse before the first chunk");
    if (step.done) {
      checkLength(this.#reply);
    } else {
      counted(this.#reply, step.value);
      this.#state = "iterated";
    }
    return step;
  }

  close(): void {
    server(this.#state !== "closed", "closes a result already closed");
    this.#state = "closed";
    this.#result.close?.();
  }
}

class CheckedInput implements Wsgi.InputStream {
  readonly #input: Wsgi.InputStream;

  constructor(input: Wsgi.InputStream) {
    this.#input = input;
  }

  read(...args: Size): Uint8Array {
    return bytes(this.#input.read(...sized(args)));
  }

  readline(...args: Size): Uint8Array {
    return bytes(this.#input.readline(...sized(args)));
  }

  readlines(...args: Size): Uint8Array[] {
    const lines: unknown = this.#input.readlines(...sized(args));
    server(Array.isArray(lines), "readlines() does not give an array", lines);
    return lines.map(bytes);
  }

  *[Symbol.iterator](): Generator<Uint8Array, void> {
    for (const line of this.#input) yield bytes(line);
  }

  close(): never {
    application(false, "wsgi.input.close() is called");
  }
}

class CheckedErrors implements Wsgi.ErrorStream {
  readonly #errors: Wsgi.ErrorStream;

  constructor(errors: Wsgi.ErrorStream) {
    this.#errors = errors;
  }

  write(text: string): void {
    this.#errors.write(logged(text));
  }

  writelines(lines: Iterable<string>): void {
    this.#errors.writelines(Array.from(lines, logged));
  }

  flush(): void {
    this.#errors.flush();
  }

  close(): never {
    application(false, "wsgi.errors.close() is called");
  }
}

function sized(args: Size): Size {
  const ok = args.length <= 1 && /number|undefined/.test(typeof args[0]);
  application(ok, "wsgi.input takes at most one number", args);
  return args;
}

function bytes(value: unknown): Uint8Array {
  const isBytes = value instanceof Uint8Array;
  server(isBytes, "wsgi.input does not give a Uint8Array", value);
  return value;
}

function logged(text: unknown): string {
  application(typeof text === "string", "wsgi.errors takes strings", text);
  return text;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  return [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

function isPair(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}

function isChunk(value: unknown): value is Wsgi.Chunk {
  return typeof value === "string" || value instanceof Uint8Array;
}

function isFunction(value: unknown): value is Wsgi.StartResponse {
  return typeof value === "function";
}

function valuesOf(wanted: string, headers: Headers): string[] {
  const found = headers.filter(([name]) => name.toLowerCase() === wanted);
  return found.map(([, value]) => value);
}
