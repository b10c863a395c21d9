/**
 * Notices who keeps the loop to itself: while a handler computes, nobody else is served.
 *
 * A timer that fires late shows that somebody did. To know who, each call would have to be timed, which the
 * hot path is spared. So at first the request that came last is named, with those that run, and from then on, for a
 * while, each call is timed. What it was at when it held the loop is only seen from another thread.
 */
import { performance } from "node:perf_hooks"; // the global one is a getter, and this is the hot path
import { loopWatches } from "./command.ts";
import type { Shared } from "../exchange/shared.ts";
import type { Logger } from "../common/log.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { Handler } from "../exchange/application.ts";

/** So that a slow handler does not flood the log with what one line has said. */
const QUIET_MS = 1000;

/** Who has kept the loop once is likely to do so again within this time. */
const CLOSE_WATCH_MS = 60_000;

/** Looks in the time that is too long: what is longer by a part of it may go unseen. */
const LOOKS = 4;

/** Requests that are named when it is not known which it was. */
const SUSPECTS = 5;

/** What the watch asks about requests. */
type Requests = Pick<Shared, "tally" | "latest" | "running" | "spills">;

const UPLOADS =
  "uploads that come faster than they are read, and are kept on the disk meanwhile,";

const UPLOADS_ADVICE =
  "nobody else was served meanwhile; an application that reads a body as it comes keeps its client at that pace";

const ADVICE =
  "nobody else was served meanwhile; an application that blocks belongs into threads: wsgi({ module }) of eddy/adapters/wsgi";

export class StallWatch {
  readonly #log: Logger;
  /** How long is too long. */
  readonly limitMs: number;
  #toldAt = -Infinity;
  #closelyUntil = -Infinity;
  #watchesClosely = false;
  #beat: NodeJS.Timeout | undefined;
  /** What somebody has seen since the last beat. */
  #stack: readonly string[] = [];
  #isExcused = false;

  /** `limitMs`: how long is too long; `Infinity` for never. */
  constructor(log: Logger, limitMs: number) {
    this.#log = log;
    this.limitMs = limitMs;
  }

  /** What holds the loop at this moment, by the lines of its stack: the next warning has it. */
  witness(stack: readonly string[]): void {
    this.#stack = stack;
  }

  /** What has held the loop since the last beat was meant: no warning. */
  excuse(): void {
    this.#isExcused = true;
  }

  /** The same handler, watched. */
  watch(handle: Handler): Handler {
    if (this.limitMs === Infinity) return handle;
    return (request) =>
      this.#watchesClosely ? this.#time(handle, request) : handle(request);
  }

  #time(handle: Handler, request: GatewayRequest): ReturnType<Handler> {
    const since = performance.now();
    try {
      return handle(request);
    } finally {
      const durationMs = performance.now() - since;
      if (durationMs > this.limitMs) this.#accuse(request, durationMs);
    }
  }

  /** Until `stop`. */
  start(requests: Requests): void {
    if (this.limitMs === Infinity || this.#beat !== undefined) return;
    const period = Math.max(1, Math.min(this.limitMs, QUIET_MS) / LOOKS);
    let last = performance.now();
    let { accepted } = requests.tally;
    this.#beat = setInterval(() => {
      const now = performance.now();
      const lateMs = now - last - period;
      const came = requests.tally.accepted - accepted;
      const uploadsMs = requests.spills.takeBusyMs();
      if (this.#isExcused) this.#isExcused = false;
      else if (lateMs - uploadsMs > this.limitMs)
        this.#suspect(requests, came, lateMs);
      else if (lateMs > this.limitMs)
        this.#warn({}, lateMs, UPLOADS, UPLOADS_ADVICE);
      this.#watchesClosely = now < this.#closelyUntil;
      last = now;
      accepted += came;
      this.#stack = [];
    }, period).unref();
    loopWatches.publish(this);
  }

  stop(): void {
    clearInterval(this.#beat);
    this.#beat = undefined;
  }

  #accuse(request: GatewayRequest, durationMs: number): void {
    const { id, method, mountPath, path } = request;
    const mount = mountPath || "/";
    this.#warn(
      { requestId: id, mount, method, path: mountPath + path },
      durationMs,
      `${lineOf(request)}, mounted at ${mount},`,
    );
  }

  /** What came last, of so many since the last beat, or else what runs. */
  #suspect(requests: Requests, came: number, durationMs: number): void {
    this.#closelyUntil = performance.now() + CLOSE_WATCH_MS;
    const latest = came > 0 ? requests.latest?.request : undefined;
    if (came === 1 && latest !== undefined)
      return this.#accuse(latest, durationMs);
    const running = requests.running().map(({ request }) => request);
    const named = latest === undefined ? running : [latest, ...running];
    const suspects = [...new Set(named.map(lineOf))].slice(0, SUSPECTS);
    this.#warn(
      { suspects },
      durationMs,
      suspects.length > 0
        ? `one of ${suspects.join(", ")}`
        : "something that goes on behind a handler's call, or in the background,",
    );
  }

  #warn(
    fields: object,
    durationMs: number,
    who: string,
    advice = ADVICE,
  ): void {
    if (performance.now() - this.#toldAt < QUIET_MS) return;
    this.#toldAt = performance.now();
    const ms = Math.round(durationMs);
    const seen = this.#stack.length > 0 ? { stack: this.#stack } : {};
    this.#log.warn(
      { ...fields, durationMs: ms, ...seen },
      `${who} kept the loop for ${ms} ms or more (stallWarnMs: ${this.limitMs}): ${advice}`,
    );
  }
}

function lineOf({ method, mountPath, path }: GatewayRequest): string {
  return `${method} ${mountPath}${path}`;
}
