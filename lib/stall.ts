/**
 * Notices who keeps the loop to himself: while a handler computes, nobody else is served.
 *
 * A handler's call is timed, which tells exactly who it was. What blocks later, in a stream or behind an `await`, shows in
 * a timer that fires late; then those that run are named. Node cannot tell afterwards where in the code it was.
 */
import type { Logger } from "./log.ts";
import type { GatewayRequest } from "./request.ts";
import type { Handler } from "./types.ts";

/** So that a slow handler does not flood the log with what one line has said. */
const QUIET_MS = 1000;

/** Requests that are named when it is not known which it was. */
const SUSPECTS = 5;

const ADVICE =
  "nobody else was served meanwhile; an application that blocks belongs into threads: wsgi({ module }) of eddy/adapters/wsgi";

export class StallWatch {
  readonly #log: Logger;
  readonly #limitMs: number;
  #accusedAt = -Infinity;
  #suspectedAt = -Infinity;
  #beat: NodeJS.Timeout | undefined;

  /** `limitMs`: how long is too long; `Infinity` for never. */
  constructor(log: Logger, limitMs: number) {
    this.#log = log;
    this.#limitMs = limitMs;
  }

  /** The same handler, timed. */
  watch(handle: Handler): Handler {
    if (this.#limitMs === Infinity) return handle;
    return (request) => {
      const since = performance.now();
      try {
        return handle(request);
      } finally {
        const durationMs = performance.now() - since;
        if (durationMs > this.#limitMs) this.#accuse(request, durationMs);
      }
    };
  }

  /** Until `stop`. `running` names the requests that run. */
  start(running: () => string[]): void {
    if (this.#limitMs === Infinity || this.#beat !== undefined) return;
    const period = Math.max(1, Math.min(this.#limitMs, QUIET_MS));
    let last = performance.now();
    this.#beat = setInterval(() => {
      const lateMs = performance.now() - last - period;
      last = performance.now();
      if (lateMs > this.#limitMs) this.#suspect(running(), lateMs);
    }, period).unref();
  }

  stop(): void {
    clearInterval(this.#beat);
    this.#beat = undefined;
  }

  #accuse(
    { method, mountPath, path }: GatewayRequest,
    durationMs: number,
  ): void {
    if (!isLongAgo(this.#accusedAt)) return;
    this.#accusedAt = performance.now();
    const mount = mountPath || "/";
    this.#warn(
      { mount, method, path: mountPath + path },
      durationMs,
      `${method} ${mountPath}${path}, mounted at ${mount},`,
    );
  }

  /** Not when it is known: the timer is late then as well. */
  #suspect(running: string[], durationMs: number): void {
    if (!isLongAgo(this.#accusedAt) || !isLongAgo(this.#suspectedAt)) return;
    this.#suspectedAt = performance.now();
    const suspects = running.slice(0, SUSPECTS);
    this.#warn(
      { running: suspects },
      durationMs,
      `something outside of a handler's call (what runs: ${suspects.join(", ") || "no request"})`,
    );
  }

  #warn(fields: object, durationMs: number, who: string): void {
    const ms = Math.round(durationMs);
    this.#log.warn(
      { ...fields, durationMs: ms },
      `${who} kept the loop for ${ms} ms (stallWarnMs: ${this.#limitMs}): ${ADVICE}`,
    );
  }
}

function isLongAgo(time: number): boolean {
  return performance.now() - time >= QUIET_MS;
}
