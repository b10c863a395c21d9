/** A Python application, as something that can be mounted. */
import { ensure, until, type Operation } from "eddy/operations";
import {
  UsageError,
  type GatewayRequest,
  type GatewayResponse,
  type OpenApplication,
  type Surroundings,
} from "../../lib/adapter.ts";
import { submitTo } from "../common/submit.ts";
import { PythonCall } from "./call.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { EnvironWriter } from "./environ.ts";
import {
  pythonSettings,
  type PythonOptions,
  type PythonSettings,
} from "./options.ts";
import { useWorkerPool, type WorkerPool } from "./places.ts";
import { Upload } from "./upload.ts";

/** What `python()` makes. */
export class PythonApplication implements OpenApplication {
  readonly #settings: PythonSettings;
  readonly #environ = new EnvironWriter();
  #pool: WorkerPool | undefined;

  /** `internal`: settings that are not options, for tests. */
  constructor(
    app: string,
    options: PythonOptions,
    internal?: Partial<PythonSettings>,
  ) {
    this.#settings = pythonSettings(app, options, internal);
  }

  /** For the loop that it is mounted in. */
  *open({ log }: Surroundings): Operation<void> {
    if (this.#pool !== undefined)
      throw new UsageError(
        `the processes of ${this.#settings.app} belong to another loop; call python() once for each`,
      );
    this.#pool = yield* useWorkerPool(this.#settings, log);
    yield* ensure(() => void (this.#pool = undefined));
  }

  /**
   * Loads the application anew, one process after the other: each is replaced when its successor serves, and ends when
   * its requests are done. No request is lost. Halted, it goes no further; what is new by then stays.
   *
   * @throws {PythonStartError} when the new code does not load; the processes that are left go on with the old one.
   * @throws {UsageError} when the loop does not listen.
   */
  *reload(): Operation<void> {
    if (this.#pool === undefined)
      throw new UsageError(`${this.#settings.app} does not run`);
    yield* this.#pool.renew();
  }

  handle(request: GatewayRequest): Operation<GatewayResponse> {
    const { dispatcher } = this.#pool!;
    if (request.hasBody)
      return callWithBody(dispatcher, this.#environ, request);
    const environ = this.#environ.write(request);
    return submitTo(
      dispatcher,
      (receiver) => new PythonCall(request, environ, undefined, receiver),
    );
  }
}

function* callWithBody(
  dispatcher: Dispatcher,
  environ: EnvironWriter,
  request: GatewayRequest,
): Operation<GatewayResponse> {
  const upload = new Upload(request);
  yield* until(upload.begin());
  // of a chunked body only now the length is known, if it is all here
  const known = request.headers.has("content-length") || !upload.whole;
  const length = known ? undefined : upload.first.length;
  const text = environ.write(request, length);
  return yield* submitTo(
    dispatcher,
    (receiver) => new PythonCall(request, text, upload, receiver),
  );
}
