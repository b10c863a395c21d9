/** What holds for the requests of one mount or route. */
import type { WebSocketOptions } from "../websocket/options.ts";
import type { Place } from "../websocket/place.ts";

/** What a request may take; of the loop, or of one mount or route. */
export interface RequestLimits {
  /**
   * Bytes of a request body, after which it is refused with 413. `Infinity` allows any.
   *
   * @default 1 MiB, as nginx and Fastify have it.
   */
  maxBodyBytes?: number;
  /**
   * Whether `text()`, `json()` and `form()` take compressed bodies (`Content-Encoding: gzip`, `deflate`, `br`), and
   * read what comes of them; `maxBodyBytes` holds for that, too. Elsewhere they answer 415. `bytes()`, `body` and
   * adapters get bodies as they were sent.
   *
   * @default false: few clients compress, and a little that becomes a lot is a way to use up memory.
   */
  inflateBodies?: boolean;
  /**
   * Milliseconds that a handler may have to wait for the body of a request, in all; then its read fails, which answers
   * 408. `Infinity` waits for ever.
   *
   * @default 60,000: the engine resets uploads below 16 KB/s, and at that rate 1 MiB takes a minute.
   */
  bodyTimeoutMs?: number;
  /**
   * Milliseconds from the request to the end of its reply, after which the exchange is halted: 503, or a cut connection
   * when the head is out.
   *
   * @default Infinity, as Tornado and uWSGI (harakiri) have it: streams and long polls live for hours, and only the
   * application knows which.
   */
  requestTimeoutMs?: number;
}

/** Options of one mount or route, in place of the loop's. */
export interface MountOptions extends RequestLimits {
  /**
   * Connections may be upgraded here, with these options of their sockets: `upgrade()` is a reply to what asks for it,
   * and every other request goes its usual way. `false`: they may not, whatever the application says of itself, and who
   * asks for it is answered 403.
   *
   * @default what the application says of itself: adapters whose applications have WebSockets do.
   */
  websocket?: WebSocketOptions | false;
}

/** What holds for the requests of one mount or route. */
export interface Limits extends Required<RequestLimits> {
  /** Where connections can be upgraded. */
  readonly websocket?: Place;
  /** `Infinity` where the engine's own limit holds. */
  readonly maxHeaderBytes: number;
  readonly maxConcurrentRequests: number;
  readonly maxConnectionsPerClient: number;
}

/** For what the gateway answers itself, at once. */
export const UNLIMITED: Limits = {
  maxHeaderBytes: Infinity,
  maxBodyBytes: Infinity,
  inflateBodies: false,
  bodyTimeoutMs: Infinity,
  requestTimeoutMs: Infinity,
  maxConcurrentRequests: Infinity,
  maxConnectionsPerClient: Infinity,
};
