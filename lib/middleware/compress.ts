/** Compresses replies. */
import Negotiator from "negotiator";
import { checkOptions, AMOUNT, type Rule } from "../common/checked-options.ts";
import type { Chunk, ReplyBody } from "../reply/types.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { Streamable } from "../reply/source.ts";
import type { Middleware } from "./compose.ts";
import type { EditableReply } from "./editable-reply.ts";
import {
  CODINGS,
  encodedStream,
  encodedWriter,
  encodeWhole,
  type Encoding,
} from "./encoder.ts";

export interface CompressOptions {
  /**
   * Those that are used, the one that is liked best first, as far as Node.js has them and the client takes them; what
   * the client likes better goes before.
   *
   * @default `["br", "zstd", "gzip"]`: of these, brotli makes texts smallest at a cost that a reply is worth
   */
  encodings?: readonly Encoding[];
  /** Bodies that are shorter stay as they are. @default 1024, as they fit one packet anyway */
  minBytes?: number;
  /** Which content types are worth it. @default texts, JSON, XML, SVG, WebAssembly, fonts that are not compressed */
  types?: RegExp;
}

const TYPES =
  /^(text\/|[^;]+\+(json|xml|text|yaml)\b|application\/(json|xml|javascript|x-javascript|x-ndjson|yaml|graphql|sql|rtf|wasm)\b|image\/(bmp|x-icon)|font\/(ttf|otf)|application\/vnd\.ms-fontobject)/i;

/** What is compressed here and now; longer bodies are, piece by piece, in a thread of Node's. */
const AT_ONCE_BYTES = 32 * 1024;

const RULES: Record<string, Rule> = {
  encodings: [
    (value) =>
      Array.isArray(value) &&
      value.every((it) => ["br", "gzip", "zstd"].includes(it as string)),
    'an array of "br", "gzip", "zstd"',
  ],
  minBytes: AMOUNT,
  types: [(value) => value instanceof RegExp, "a regular expression"],
};

/**
 * Compresses bodies whose type is worth it, by what the client takes (`accept-encoding`, RFC 9110, section 12.5.3).
 * Streams are compressed piece by piece, and each piece that was waited for is sent at once: Server-Sent Events come as
 * they are made.
 *
 * Left as they are: what has a `content-encoding` already, a part of something (206), what is `no-transform`, and what
 * has a digest of its bytes. An `etag` becomes a weak one, as the bytes are others.
 *
 * Do not compress secrets together with what an attacker can choose, in replies to requests that he can cause: their
 * length tells of the secret (BREACH). Tokens of forms that are masked anew each time are safe.
 *
 * @throws {UsageError} for an option that does not exist or has a bad value.
 *
 * @example
 * ```ts
 * import { json, Loop } from "eddy";
 * import { compress } from "eddy/middleware";
 *
 * await new Loop().use(compress()).mount(() => json(Array(1000).fill("again"))).listen(8000);
 * ```
 */
export function compress(options: CompressOptions = {}): Middleware {
  const {
    encodings = ["br", "zstd", "gzip"] as const,
    minBytes = 1024,
    types = TYPES,
  } = checkOptions(options, RULES, "compress()");
  const ours = encodings.filter((it) => CODINGS.has(it));
  return (request, next) =>
    next().change((reply) => {
      if (reply.status === 304) reply.headers.vary("accept-encoding");
      if (!isEligible(reply, types, minBytes)) return;
      reply.headers.vary("accept-encoding");
      const encoding = chosen(request, ours);
      if (encoding !== undefined) encode(reply, encoding);
    });
}

function isEligible(
  { status, headers, body }: EditableReply,
  types: RegExp,
  minBytes: number,
): boolean {
  if (body === null || body === undefined || NOT.has(status)) return false;
  const type = headers.get("content-type");
  if (type === undefined || !types.test(type)) return false;
  if (FINAL.some((name) => headers.has(name))) return false;
  if (/\bno-transform\b/i.test(headers.get("cache-control") ?? ""))
    return false;
  const length = isWhole(body)
    ? Buffer.byteLength(body)
    : Number(headers.get("content-length") ?? Infinity);
  return length >= minBytes;
}

const NOT: ReadonlySet<number> = new Set([101, 204, 206, 304]);

/** Where one of these is, the bytes have to stay what they are. */
const FINAL = [
  "content-encoding",
  "content-range",
  "content-digest",
  "repr-digest",
  "digest",
  "content-md5",
];

/** Also without a wish for anything else: what the client does not name it does not take. */
function chosen(
  { headers }: GatewayRequest,
  ours: readonly Encoding[],
): Encoding | undefined {
  const accepted = headers.get("accept-encoding");
  if (accepted === undefined) return undefined;
  const negotiator = new Negotiator({
    headers: { "accept-encoding": accepted },
  });
  const available = [...ours, "identity"];
  const [best] = preferred(negotiator, available, ours);
  return best === "identity" ? undefined : (best as Encoding | undefined);
}

/** `preferred` is not in its types. */
const preferred = (
  negotiator: Negotiator,
  available: readonly string[],
  order: readonly string[],
): string[] =>
  (negotiator.encodings as (...args: unknown[]) => string[]).call(
    negotiator,
    available,
    { preferred: order },
  );

function encode(reply: EditableReply, encoding: Encoding): void {
  const { headers, body } = reply;
  headers.set("content-encoding", encoding);
  headers.delete("content-length").delete("accept-ranges");
  const tag = headers.get("etag");
  if (tag?.startsWith('"')) headers.set("etag", `W/${tag}`);
  reply.body = encoded(encoding, body);
}

function encoded(encoding: Encoding, body: ReplyBody): ReplyBody {
  if (typeof body === "function") return encodedWriter(encoding, body);
  if (!isWhole(body)) return encodedStream(encoding, body as Streamable);
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return bytes.length <= AT_ONCE_BYTES
    ? encodeWhole(encoding, bytes)
    : encodedStream(encoding, pieces(bytes));
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += AT_ONCE_BYTES)
    yield bytes.subarray(at, at + AT_ONCE_BYTES);
}

const isWhole = (body: ReplyBody): body is Chunk =>
  typeof body === "string" || body instanceof Uint8Array;
