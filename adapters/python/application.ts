/** A Python application, as something that can be mounted. */
import { ensure, until, type Operation } from "eddy/operations";
import {
  seen,
  UsageError,
  type ApplicationStatus,
  type GatewayRequest,
  type GatewayResponse,
  type OpenApplication,
  type Reply,
  type Surroundings,
} from "../../lib/adapter.ts";
import { Ahead } from "../common/ahead.ts";
import { callOf, received, submitTo } from "../common/submit.ts";
import { AsgiRequests } from "./asgi/requests.ts";
import { SOCKET_OPTIONS } from "./asgi/socket-call.ts";
import { PythonCall, Upload } from "./call.ts";
import { EnvironWriter } from "./environ.ts";
import type { PythonSettings } from "./options.ts";
import { useWorkerPool, type WorkerPool } from "./worker-pool.ts";

/** Its processes talk over Unix sockets, and a process forks. @throws {UsageError} where there are none. */
export function checkSystem({ platform } = process): void {
  if (platform === "win32")
    throw new UsageError(
      "python() needs Linux, macOS or another POSIX system: on Windows run it in WSL, or the application in a server of its own behind a proxy",
    );
}

/** What `python()` makes. */
export class PythonApplication implements OpenApplication {
  readonly #settings: PythonSettings;
  readonly #waitsFor: string;
  readonly #environ = new EnvironWriter();
  readonly #asgi: AsgiRequests;
  #pool: WorkerPool | undefined;
  /** Undefined where replies stream at their clients' pace. */
  #ahead: Ahead | undefined;

  constructor(settings: PythonSettings) {
    this.#settings = settings;
    this.#waitsFor = `a Python process of ${settings.app}`;
    this.#asgi = new AsgiRequests(settings.app, this.#waitsFor);
  }

  /** Starts its processes, for the loop that it is mounted in. */
  *open({ log }: Surroundings): Operation<void> {
    checkSystem();
    if (this.#pool !== undefined)
      throw new UsageError(
        `the processes of ${this.#settings.app} belong to another loop; call python() once for each`,
      );
    if (!this.#settings.streamBodies) this.#ahead = new Ahead(log);
    this.#pool = yield* useWorkerPool(this.#settings, log);
    const { interface: name } = this.#pool;
    log.info(`${this.#settings.app} speaks ${name.toUpperCase()}`);
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

  /** That of ASGI has some; what WSGI answers to who asks for one is a reply like others. */
  get websocket(): typeof SOCKET_OPTIONS | undefined {
    return this.#settings.interface === "wsgi" ? undefined : SOCKET_OPTIONS;
  }

  handle(request: GatewayRequest): Operation<Reply> {
    if (this.#pool!.interface === "asgi")
      return this.#asgi.handle(request, this.#pool!.dispatcher);
    return request.hasBody ? this.#submitBody(request) : this.#submit(request);
  }

  #submit(
    request: GatewayRequest,
    upload?: Upload,
    bodyLength?: number,
  ): Operation<GatewayResponse> {
    const call = callOf(request, `python ${this.#settings.app}`);
    const environ = this.#environ.write(request, bodyLength, call);
    const submitted = submitTo(
      this.#pool!.dispatcher,
      (receiver) =>
        new PythonCall(request, environ, upload, receiver, this.#ahead),
      this.#waitsFor,
    );
    return call === undefined ? submitted : seen(call, submitted);
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
