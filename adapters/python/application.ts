/** A Python application, as something that can be mounted. */
import { ensure, until, type Operation } from "eddy/operations";
import {
  UsageError,
  type ApplicationStatus,
  type GatewayRequest,
  type GatewayResponse,
  type OpenApplication,
  type Surroundings,
} from "../../lib/adapter.ts";
import { Ahead } from "../common/ahead.ts";
import { received, submitTo } from "../common/submit.ts";
import { PythonCall, Upload } from "./call.ts";
import { EnvironWriter } from "./environ.ts";
import type { PythonSettings } from "./options.ts";
import { useWorkerPool, type WorkerPool } from "./worker-pool.ts";

/** What `python()` makes. */
export class PythonApplication implements OpenApplication {
  readonly #settings: PythonSettings;
  readonly #waitsFor: string;
  readonly #environ = new EnvironWriter();
  #pool: WorkerPool | undefined;
  /** Undefined where replies stream at their clients' pace. */
  #ahead: Ahead | undefined;

  constructor(settings: PythonSettings) {
    this.#settings = settings;
    this.#waitsFor = `a Python process of ${settings.app}`;
  }

  /** Starts its processes, for the loop that it is mounted in. */
  *open({ log }: Surroundings): Operation<void> {
    if (this.#pool !== undefined)
      throw new UsageError(
        `the processes of ${this.#settings.app} belong to another loop; call python() once for each`,
      );
    if (!this.#settings.streamBodies) this.#ahead = new Ahead(log);
    this.#pool = yield* useWorkerPool(this.#settings, log);
    yield* ensure(() => void (this.#pool = undefined));
  }

  /**
   * Loads the application anew, one process after the other: each is replaced when its successor serves, and ends when
   * its requests are done. No request is lost. Halted, it replaces no more; those replaced by then stay.
   *
   * @throws {PythonStartError} when the new code does not load; the remaining processes go on with the old code.
   * @throws {UsageError} when the loop does not listen.
   */
  *reload(): Operation<void> {
    if (this.#pool === undefined)
      throw new UsageError(`${this.#settings.app} does not run`);
    yield* this.#pool.renew();
  }

  status(): ApplicationStatus | undefined {
    return this.#pool?.status();
  }

  handle(request: GatewayRequest): Operation<GatewayResponse> {
    return request.hasBody ? this.#submitBody(request) : this.#submit(request);
  }

  #submit(
    request: GatewayRequest,
    upload?: Upload,
    bodyLength?: number,
  ): Operation<GatewayResponse> {
    const environ = this.#environ.write(request, bodyLength);
    return submitTo(
      this.#pool!.dispatcher,
      (receiver) =>
        new PythonCall(request, environ, upload, receiver, this.#ahead),
      this.#waitsFor,
    );
  }

  /** Only with its whole body it gets a thread, unless it is to stream. Of a chunked body the length is known then. */
  *#submitBody(request: GatewayRequest): Operation<GatewayResponse> {
    let length = this.#settings.streamBodies
      ? undefined
      : yield* received(request);
    const upload = new Upload(request);
    yield* until(upload.begin());
    if (upload.whole) length = upload.first.length;
    const announced = request.headers.has("content-length");
    return yield* this.#submit(request, upload, announced ? undefined : length);
  }
}
