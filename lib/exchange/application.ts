/** What a user mounts. Types only. */
import type { Operation } from "effection";
import type { Logger } from "../common/log.ts";
import type { Reply } from "../reply/types.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { WebSocketOptions } from "../websocket/options.ts";

/**
 * What a user mounts: one argument in, one value out. A plain function, an async function or an operation (a generator
 * function). Hoist operations: a generator function that is created for one call is slow.
 */
export type Handler<Params = Readonly<Record<string, string>>> = (
  request: GatewayRequest<Params>,
) => Reply | Promise<Reply> | Operation<Reply>;

/** A handler, or one that comes with resources of its own. */
export type Application = Handler | OpenApplication;

/** An application with resources: what an adapter that owns threads or processes returns. */
export interface OpenApplication {
  readonly handle: Handler;
  /**
   * Acquires what the application needs. Runs when the loop starts to listen; what it starts (tasks, resources) lives
   * until the loop has drained, and ends in reverse order of mounting. When it fails, so does `listen`. Runs once for
   * each loop, however often the application is mounted.
   */
  open?(surroundings: Surroundings): Operation<void>;
  /**
   * It answers requests for a WebSocket by `upgrade()`, with these options unless its mount has others. Without it none
   * can be had below the mount, unless that says so.
   */
  readonly websocket?: WebSocketOptions | undefined;
  /**
   * Until it has nothing more to do behind its replies. A drain waits for that as for requests, `drainTimeoutMs` in
   * all; asked once, when no request runs any more.
   */
  untilIdle?(): Promise<unknown>;
  /** How it is; undefined while it does not run. May be asked once a second. */
  status?(): ApplicationStatus | undefined;
}

/** How an application is, for whoever operates it. Plain data. */
export interface ApplicationStatus {
  /** What serves it: `python`, `threads`, `http`, `uwsgi`, … */
  readonly kind: string;
  /** Which one it is: `app:app`, a module, addresses. */
  readonly name: string;
  /** Requests that wait for one of its parts. */
  readonly queued: number;
  /** How many parts were started in place of others. */
  readonly restarts: number;
  /** Processes, threads, servers behind it. */
  readonly parts: readonly PartStatus[];
}

/** How a process, a thread or a server behind an application is. */
export interface PartStatus {
  /** The number of a process or a thread, the address of a server. */
  readonly name: string;
  readonly state: string;
  /** Requests that it has. */
  readonly inFlight: number;
  /** Bytes of resident memory; of a process, where they can be told. */
  readonly rss?: number | undefined;
  /** Why it is in this state, where that is not as it should be. */
  readonly why?: string | undefined;
}

/** What a loop gives an application that it opens. */
export interface Surroundings {
  /** The loop's log, for what belongs to no request. */
  readonly log: Logger;
}
