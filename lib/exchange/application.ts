/** What a user mounts. Types only. */
import type { Operation } from "effection";
import type { Logger } from "../common/log.ts";
import type { Reply } from "../reply/types.ts";
import type { GatewayRequest } from "../request/request.ts";

/**
 * What a user mounts: one argument in, one value out. A plain function, an async function or an operation (a generator
 * function). Hoist operations: a generator function that is created for one call is slow.
 */
export type Handler = (
  request: GatewayRequest,
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
}

/** What a loop gives an application that it opens. */
export interface Surroundings {
  /** The loop's log, for what belongs to no request. */
  readonly log: Logger;
}
