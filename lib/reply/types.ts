/** What a reply can be. Types only. */
import type { Operation } from "effection";
import type { Chunk } from "../engine/engine.ts";
import type { UpgradeReply } from "./upgrade-reply.ts";
import type { CheckedHeaders, PlainHeaders } from "./headers.ts";

export type { Chunk };

/**
 * A string is sent as `text/plain`, bytes as `application/octet-stream`, nothing as 204. Anything else needs a {@link
 * GatewayResponse}.
 */
export type Reply =
  | string
  | Uint8Array
  | GatewayResponse
  | globalThis.Response
  | UpgradeReply
  | null
  | undefined;

/** A reply as plain data. */
export interface GatewayResponse {
  /** 200 when missing; from 200 to 599. */
  readonly status?: number | undefined;
  /** The reason phrase; the standard one of the status when missing. */
  readonly statusText?: string | undefined;
  readonly headers?: ReplyHeaders | undefined;
  readonly body?: ReplyBody;
  /**
   * Gives fields that follow the body, when that has been sent: a checksum, how it went (RFC 9110, section 6.5). A
   * `trailer` among the headers announces their names. They travel in chunks, so there is no `content-length`;
   * HTTP/1.0, uWebSockets.js and uwsgi have none, and this is not called there. What it throws, or a field that cannot
   * stand there, cuts the connection: the client must not take the reply for complete.
   */
  readonly trailers?: (() => PlainHeaders) | undefined;
}

export type ReplyHeaders = PlainHeaders | CheckedHeaders;

/**
 * Strings and bytes are sent whole, with their length. All others are streamed: the next chunk is asked for when the
 * client has taken the one before, and the source is told (`return()`, `cancel()`, halt) when nobody wants the rest.
 */
export type ReplyBody =
  | string
  | Uint8Array
  | Iterable<Chunk>
  | AsyncIterable<Chunk>
  | ReadableStream<Chunk>
  | StreamWriter
  | null
  | undefined;

/** A body that writes itself: an operation (or an async function) that is done when the body is complete. */
export type StreamWriter = (out: BodyWriter) => Operation<void> | Promise<void>;

/** Where a {@link StreamWriter} writes. */
export interface BodyWriter {
  /** Sends a chunk; done when the client can take more. `yield*` or `await` it: that is the back-pressure. */
  write(chunk: Chunk): Operation<void> & PromiseLike<void>;
  /** The client has not taken what was written: whoever can leave something out looks here before. */
  readonly isBehind: boolean;
}
