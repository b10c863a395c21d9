/** Requests that come by no socket, and go through the same exchange as all others. */
import { Readable } from "node:stream";
import { UsageError } from "../../common/errors.ts";
import { TOKEN } from "../../common/fields.ts";
import type { Head, Serve } from "../engine.ts";
import { Entrance, type Scheme } from "../entrance.ts";
import { pathAndQuery } from "../path-and-query.ts";
import { MemoryOutlet, type MemoryReply } from "./outlet.ts";

/** A request in parts, for what a `Request` cannot say: any path, any field, whose it is. */
export interface InjectedRequest {
  /** @default "GET" */
  readonly method?: string;
  /** Path and query as a client sends them, not changed in any way. @default "/" */
  readonly path?: string;
  /** An array has a field more than once. @default { host: "localhost" } */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** In place of `body`: is sent as JSON, with its `content-type`. */
  readonly json?: unknown;
  /** Address of the peer. @default "127.0.0.1", as a test on this machine would have it */
  readonly address?: string;
  /** As the client spoke. @default "http" */
  readonly scheme?: Scheme;
  /** Fires when the client leaves. */
  readonly signal?: AbortSignal;
}

/** What an exchange needs of one. */
export interface Asked {
  readonly head: Head;
  readonly scheme: Scheme;
  readonly body: Readable;
  readonly signal: AbortSignal | undefined;
}

/** Gives `serve` the request, and waits for the head of its reply. */
export async function ask(serve: Serve, asked: Asked): Promise<Response> {
  const { head, scheme, body, signal } = asked;
  signal?.throwIfAborted();
  const outlet = new MemoryOutlet(body, signal);
  serve(head, outlet, new Entrance(scheme));
  return toResponse(await outlet.reply, head.method);
}

/** @throws {UsageError} for a scheme that is neither http nor https. */
export function fromWeb(
  input: Request | URL | string,
  init?: RequestInit,
): Asked {
  const request = new Request(
    typeof input === "string" ? new URL(input, "http://localhost") : input,
    init,
  );
  const { protocol, host, pathname, search } = new URL(request.url);
  const scheme = SCHEMES.get(protocol);
  if (scheme === undefined)
    throw new UsageError(`a loop answers http and https, not ${request.url}`);
  const fields = [...request.headers].flat();
  if (!request.headers.has("host")) fields.push("host", host);
  const { body } = request;
  if (body !== null && !request.headers.has("content-length"))
    fields.push("transfer-encoding", "chunked");
  return {
    head: headOf(request.method, pathname + search, fields, LOCAL),
    scheme,
    body:
      body === null
        ? Readable.from([])
        : Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]),
    signal: request.signal,
  };
}

const LOCAL = "127.0.0.1";

const SCHEMES: ReadonlyMap<string, Scheme> = new Map([
  ["http:", "http"],
  ["https:", "https"],
]);

/** @throws {UsageError} for what no client could send. */
export function fromParts(parts: InjectedRequest): Asked {
  for (const key in parts)
    if (!KEYS.has(key)) throw new UsageError(`inject() has no option "${key}"`);
  const { method = "GET", path = "/", address = LOCAL, signal } = parts;
  const { scheme = "http" } = parts;
  if (!TOKEN.test(method))
    throw new UsageError(`"${method}" cannot be a method`);
  if (!TARGET.test(path))
    throw new UsageError(
      `inject({ path }) takes a path such as "/users?page=2", not "${path}"`,
    );
  const fields = fieldsOf(parts.headers ?? {});
  const body = bodyOf(parts, fields);
  if (!fields.includes("host")) fields.push("host", "localhost");
  const head = headOf(method, path, fields, address);
  return { head, scheme, body, signal };
}

const KEYS: ReadonlySet<string> = new Set<keyof InjectedRequest>([
  "method",
  "path",
  "headers",
  "body",
  "json",
  "address",
  "scheme",
  "signal",
]);

/** All that a request line has room for. */
const TARGET = /^[/*][^\s]*$/;

function fieldsOf(headers: NonNullable<InjectedRequest["headers"]>): string[] {
  const fields: string[] = [];
  for (const [name, values] of Object.entries(headers))
    for (const value of [values].flat()) {
      if (!TOKEN.test(name) || /[\r\n\0]/.test(value))
        throw new UsageError(`header ${JSON.stringify(name)} cannot be sent`);
      fields.push(name.toLowerCase(), value);
    }
  return fields;
}

/** The body, whose length goes to `fields`. */
function bodyOf(
  { body, json, headers = {} }: InjectedRequest,
  fields: string[],
): Readable {
  if (body !== undefined && json !== undefined)
    throw new UsageError("inject() takes `body` or `json`, not both");
  const given = json === undefined ? body : JSON.stringify(json);
  if (given === undefined) return Readable.from([]);
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  if (json !== undefined && !names.has("content-type"))
    fields.push("content-type", "application/json");
  const isWhole = typeof given === "string" || given instanceof Uint8Array;
  const bytes = isWhole ? Buffer.from(given as string) : undefined;
  if (!names.has("content-length") && !names.has("transfer-encoding"))
    if (bytes === undefined) fields.push("transfer-encoding", "chunked");
    else fields.push("content-length", String(bytes.length));
  return Readable.from(bytes === undefined ? given : [bytes]);
}

function headOf(
  method: string,
  target: string,
  fields: readonly string[],
  address: string,
): Head {
  const [path, query] = pathAndQuery(target);
  const peer = { address, proxiedAddress: "" };
  return { method, path, query, fields, protocol: "HTTP/1.1", peer };
}

/** Statuses whose replies have no body, for which `Response` takes none (Fetch, "null body status"). */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

function toResponse(reply: MemoryReply, method: string): Response {
  const { status, statusText, fields, body } = reply;
  const headers = new Headers();
  for (let i = 0; i < fields.length; i += 2)
    headers.append(fields[i]!, fields[i + 1]!);
  const hasNone = method === "HEAD" || WITHOUT_BODY.has(status);
  if (hasNone) body.resume();
  return new Response(hasNone ? null : toStream(body), {
    status,
    statusText,
    headers,
  });
}

/** `Readable.toWeb` throws when its reader cancels in the wrong moment, before Node.js 22. */
function toStream(body: Readable): ReadableStream<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => void body.destroy(),
    },
    { highWaterMark: 0 },
  );
}
