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
import { Call } from "./call.ts";
import { EnvironWriter } from "./environ.ts";
import {
  pythonSettings,
  type PythonOptions,
  type PythonSettings,
} from "./options.ts";
import { useStaff, type Staff } from "./places.ts";
import type { Pool } from "./pool.ts";
import { Upload } from "./upload.ts";

/** What `python()` makes. */
export class PythonApplication implements OpenApplication {
  readonly #settings: PythonSettings;
  readonly #environ = new EnvironWriter();
  #staff: Staff | undefined;

  constructor(app: string, options: PythonOptions) {
    this.#settings = pythonSettings(app, options);
  }

  /** For the loop that it is mounted in. */
  *open({ log }: Surroundings): Operation<void> {
    if (this.#staff !== undefined)
      throw new UsageError(
        `the processes of ${this.#settings.app} belong to another loop; call python() once for each`,
      );
    this.#staff = yield* useStaff(this.#settings, log);
    yield* ensure(() => void (this.#staff = undefined));
  }

  /**
   * Loads the application anew, one process after the other: each is replaced when its successor serves, and ends when
   * its requests are done. No request is lost. Halted, it goes no further; what is new by then stays.
   *
   * @throws {PythonStartError} when the new code does not load; the processes that are left go on with the old one.
   * @throws {UsageError} when the loop does not listen.
   */
  *reload(): Operation<void> {
    if (this.#staff === undefined)
      throw new UsageError(`${this.#settings.app} does not run`);
    yield* this.#staff.renew();
  }

  handle(request: GatewayRequest): Operation<GatewayResponse> {
    const { pool } = this.#staff!;
    if (request.hasBody) return callWithBody(pool, this.#environ, request);
    const environ = this.#environ.write(request);
    return submitTo(
      pool,
      (receiver) => new Call(request, environ, undefined, receiver),
    );
  }
}

function* callWithBody(
  pool: Pool,
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
    pool,
    (receiver) => new Call(request, text, upload, receiver),
  );
}
