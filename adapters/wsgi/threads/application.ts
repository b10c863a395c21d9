/** An application in threads, as something that can be mounted. */
import {
  UsageError,
  type GatewayRequest,
  type GatewayResponse,
  type OpenApplication,
  type Surroundings,
} from "../../../lib/adapter.ts";
import { action, ensure, until, type Operation } from "eddy/operations";
import { Call } from "./call.ts";
import { Feed } from "./feed.ts";
import {
  threadSettings,
  type ThreadedApp,
  type ThreadSettings,
} from "./options.ts";
import { usePool } from "./places.ts";
import type { Pool } from "./pool.ts";

export class ThreadedApplication implements OpenApplication {
  readonly #settings: ThreadSettings;
  #pool: Pool | undefined;

  constructor(app: ThreadedApp) {
    this.#settings = threadSettings(app);
  }

  *open({ log }: Surroundings): Operation<void> {
    if (this.#pool !== undefined)
      throw new UsageError(
        `the threads of ${this.#settings.module} belong to another loop; call wsgi() once for each`,
      );
    this.#pool = yield* usePool(this.#settings, log);
    yield* ensure(() => void (this.#pool = undefined));
  }

  handle(request: GatewayRequest): Operation<GatewayResponse> {
    const pool = this.#pool!;
    return request.hasBody
      ? callWithBody(pool, new Feed(request), request)
      : call(pool, request);
  }
}

function* callWithBody(
  pool: Pool,
  feed: Feed,
  request: GatewayRequest,
): Operation<GatewayResponse> {
  yield* until(feed.begin());
  return yield* call(pool, request, feed);
}

/** Halted before there is a head, the request leaves the line, or its thread; after that the body is told to end. */
function call(
  pool: Pool,
  request: GatewayRequest,
  feed?: Feed,
): Operation<GatewayResponse> {
  return action((resolve, reject) => {
    const call = new Call(request, feed, pool.settings, { resolve, reject });
    try {
      pool.submit(call);
    } catch (error) {
      reject(error as Error);
    }
    return () => pool.leave(call);
  });
}
