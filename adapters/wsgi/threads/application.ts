/** An application in threads, as something that can be mounted. */
import {
  UsageError,
  type GatewayRequest,
  type GatewayResponse,
  type OpenApplication,
  type Surroundings,
} from "../../../lib/adapter.ts";
import { ensure, type Operation } from "effection";
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

  handle(request: GatewayRequest): Promise<GatewayResponse> {
    if (!request.hasBody) return this.#call(request);
    const feed = new Feed(request);
    return feed.begin().then(() => this.#call(request, feed));
  }

  #call(request: GatewayRequest, feed?: Feed): Promise<GatewayResponse> {
    return new Promise((resolve, reject) => {
      const pool = this.#pool!;
      const call = new Call(request, feed, this.#settings, { resolve, reject });
      pool.submit(call);
      request.signal.addEventListener("abort", () => pool.cancel(call));
    });
  }
}
