/**
 * Notices who keeps the loop to itself: while a handler computes, nobody else is served.
 *
 * A timer that fires late shows that somebody did. To know who, each call would have to be timed, and two looks at the
 * clock cost as much as two hundredths of a hello. So at first those are named that were called last, and from then on,
 * for a while, each call is timed.
 */
import type { Logger } from "./log.ts";
import type { GatewayRequest } from "./request.ts";
import type { Handler } from "./types.ts";

/** So that a slow handler does not flood the log with what one line has said. */
const QUIET_MS = 1000;

/** Who has kept the loop once is likely to do so again within this time. */
const CLOSE_WATCH_MS = 60_000;

/** Looks in the time that is too long: what is longer by a part of it may go unseen. */
const LOOKS = 4;

/** Requests that are named when it is not known which it was: the last ones. */
const SUSPECTS = 5;

const ADVICE =
  "nobody else was served meanwhile; an application that blocks belongs into threads: wsgi({ module }) of eddy/adapters/wsgi";

export class StallWatch {
  readonly #log: Logger;
  readonly #limitMs: number;
  #toldAt = -Infinity;
  #closelyUntil = -Infinity;
  #watchesClosely = false;
  /** The last requests that a handler was called for since the last beat, and how many there were. */
  readonly #called: (GatewayRequest | undefined)[] = [];
  #calls = 0;
  #beat: NodeJS.Timeout | undefined;

  /** `limitMs`: how long is too long; `Infinity` for never. */
  constructor(log: Logger, limitMs: number) {
    this.#log = log;
    this.#limitMs = limitMs;
  }

  /** The same handler, watched. */
  watch(handle: Handler): Handler {
    if (this.#limitMs === Infinity) return handle;
    return (request) => {
      if (this.#watchesClosely) return this.#time(handle, request);
      this.#called[this.#calls++ % SUSPECTS] = request;
      return handle(request);
    };
  }

  #time(handle: Handler, request: GatewayRequest): ReturnType<Handler> {
    const since = performance.now();
    try {
      return handle(request);
    } finally {
      const durationMs = performance.now() - since;
      if (durationMs > this.#limitMs) this.#accuse(request, durationMs);
    }
  }

  /** Until `stop`. `running` names the requests that run. */
  start(running: () => string[]): void {
    if (this.#limitMs === Infinity || this.#beat !== undefined) return;
    const period = Math.max(1, Math.min(this.#limitMs, QUIET_MS) / LOOKS);
    let last = performance.now();
    this.#beat = setInterval(() => {
      const now = performance.now();
      const lateMs = now - last - period;
      last = now;
      if (lateMs > this.#limitMs) this.#suspect(running(), lateMs);
      this.#watchesClosely = now < this.#closelyUntil;
      this.#called.length = this.#calls = 0;
    }, period).unref();
  }

  stop(): void {
    clearInterval(this.#beat);
    this.#beat = undefined;
  }

  #accuse(request: GatewayRequest, durationMs: number): void {
    const { method, mountPath, path } = request;
    const mount = mountPath || "/";
    this.#warn(
      { mount, method, path: mountPath + path },
      durationMs,
      `${lineOf(request)}, mounted at ${mount},`,
    );
  }

  /** What was called last, or else what runs. */
  #suspect(running: string[], durationMs: number): void {
    this.#closelyUntil = performance.now() + CLOSE_WATCH_MS;
    const [only] = this.#called;
    if (this.#calls === 1 && only !== undefined)
      return this.#accuse(only, durationMs);
    const called = this.#called.map((request) => lineOf(request!));
    const suspects = [...new Set([...called, ...running])].slice(0, SUSPECTS);
    this.#warn(
      { suspects },
      durationMs,
      suspects.length > 0
        ? `one of ${suspects.join(", ")}`
        : "something that goes on behind a handler's call, or in the background,",
    );
  }

  #warn(fields: object, durationMs: number, who: string): void {
    if (performance.now() - this.#toldAt < QUIET_MS) return;
    this.#toldAt = performance.now();
    const ms = Math.round(durationMs);
    this.#log.warn(
      { ...fields, durationMs: ms },
      `${who} kept the loop for ${ms} ms or more (stallWarnMs: ${this.#limitMs}): ${ADVICE}`,
    );
  }
}

function lineOf({ method, mountPath, path }: GatewayRequest): string {
  return `${method} ${mountPath}${path}`;
}
