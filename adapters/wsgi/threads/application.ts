/** An application in threads, as something that can be mounted. */
import {
  seen,
  UsageError,
  type ApplicationStatus,
  type GatewayRequest,
  type GatewayResponse,
  type OpenApplication,
  type Surroundings,
} from "../../../lib/adapter.ts";
import { ensure, until, type Operation } from "eddy/operations";
import { Ahead } from "../../common/ahead.ts";
import { callOf, received, submitTo } from "../../common/submit.ts";
import { BodyFeed } from "./body-feed.ts";
import { ThreadCall } from "./call.ts";
import {
  threadSettings,
  type ThreadedApp,
  type ThreadSettings,
  type ThreadTimes,
} from "./options.ts";
import { useThreadPool } from "./places.ts";
import type { ThreadPool } from "./pool.ts";

export class ThreadedApplication implements OpenApplication {
  readonly #settings: ThreadSettings;
  #pool: ThreadPool | undefined;
  /** Undefined where replies stream at their clients' pace. */
  #ahead: Ahead | undefined;

  constructor(app: ThreadedApp, times?: Partial<ThreadTimes>) {
    this.#settings = threadSettings(app, times);
  }

  *open({ log }: Surroundings): Operation<void> {
    if (this.#pool !== undefined)
      throw new UsageError(
        `the threads of ${this.#settings.module} belong to another loop; call wsgi() once for each`,
      );
    if (!this.#settings.streamBodies) this.#ahead = new Ahead(log);
    this.#pool = yield* useThreadPool(this.#settings, log);
    yield* ensure(() => void (this.#pool = undefined));
  }

  status(): ApplicationStatus | undefined {
    return this.#pool?.status();
  }

  handle(request: GatewayRequest): Operation<GatewayResponse> {
    return request.hasBody
      ? this.#submitWithBody(request)
      : this.#submit(request);
  }

  *#submitWithBody(request: GatewayRequest): Operation<GatewayResponse> {
    const length = this.#settings.streamBodies
      ? undefined
      : yield* received(request);
    const feed = new BodyFeed(request, length);
    yield* until(feed.begin());
    return yield* this.#submit(request, feed);
  }

  #submit(
    request: GatewayRequest,
    feed?: BodyFeed,
  ): Operation<GatewayResponse> {
    const call = callOf(request, "thread");
    const submitted = submitTo(
      this.#pool!,
      (receiver) =>
        new ThreadCall(request, feed, this.#settings, receiver, this.#ahead),
      "a thread",
    );
    return call === undefined ? submitted : seen(call, submitted);
  }
}
