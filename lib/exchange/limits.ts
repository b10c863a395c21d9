/** What holds for the requests of one mount or route. */

/** Options of one mount or route, in place of the loop's. */
export interface MountOptions {
  /**
   * Bytes of a request body, after which it is refused with 413. `Infinity` allows any.
   *
   * @default 1 MiB, as nginx and Fastify have it.
   */
  maxBodyBytes?: number;
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

/** What holds for the requests of one mount or route. */
export interface Limits extends Required<MountOptions> {
  /** `Infinity` where the engine's own limit holds. */
  readonly maxHeaderBytes: number;
  readonly maxConcurrentRequests: number;
  readonly maxConnectionsPerClient: number;
}

/** For what the gateway answers itself, at once. */
export const UNLIMITED: Limits = {
  maxHeaderBytes: Infinity,
  maxBodyBytes: Infinity,
  bodyTimeoutMs: Infinity,
  requestTimeoutMs: Infinity,
  maxConcurrentRequests: Infinity,
  maxConnectionsPerClient: Infinity,
};
