/** The root of everything: mounts, listeners, background tasks, and their common end. */
import type { Future, Operation, Task } from "effection";
import { Answering } from "./answering.ts";
import { Applications, closedMeanwhile } from "./applications.ts";
import { Certificates } from "./certificates.ts";
import { repeating, type Repeated } from "./every.ts";
import { listenByCommand, loopListens, optionsFromCommand } from "./command.ts";
import {
  closeLimits,
  closeResources,
  drain,
  end,
  logEnd,
  NEXT,
  type CloseLimits,
  type CloseOptions,
  type DrainReport,
  type LoopState,
  type Parts,
} from "./drain.ts";
import { HaltedError, UsageError } from "../common/errors.ts";
import { Reason } from "../common/reason.ts";
import { serve } from "../exchange/serve.ts";
import { future, owned } from "../operations/future.ts";
import type { ExchangeView, Shared, Tally } from "../exchange/shared.ts";
import { attach, takeWarning, type Nursery } from "../kernel/fork.ts";
import { viewTasks, type TaskView } from "../kernel/tree.ts";
import type { Listener, Serve } from "../engine/engine.ts";
import { Engines } from "../engine/engines.ts";
import { withoutUws } from "../engine/uws/reason.ts";
import { ask, type Asked } from "../engine/memory/ask.ts";
import type { ConnectionCounts, Visits } from "../engine/visits.ts";
import {
  checkTarget,
  type Address,
  type ListenOptions,
} from "../engine/listen-options.ts";
import { createLog, type Logger } from "../common/log.ts";
import { Secrets } from "../common/secrets.ts";
import { openListener } from "./open-listener.ts";
import {
  limitsFrom,
  mountLimits,
  settingsFrom,
  type LoopOptions,
  type Settings,
} from "./options.ts";
import type { Limits, RequestLimits } from "../exchange/limits.ts";
import { sharedBy } from "./shared-by.ts";
import { StallWatch } from "./stall.ts";
import { drainAtTermination } from "./signals.ts";
import { Topics } from "./topics.ts";
import type {
  Application,
  ApplicationStatus,
  Handler,
} from "../exchange/application.ts";
import type { Chunk, GatewayResponse } from "../reply/types.ts";
import type { SocketCounts } from "../websocket/counts.ts";
import type { Sending } from "../websocket/sending.ts";
import type { SocketView } from "../websocket/connection.ts";
import type { Socket } from "../websocket/socket.ts";

/** What `tasks()` saw. */
export interface LoopTasks {
  readonly exchanges: readonly ExchangeView[];
  readonly sockets: readonly SocketView[];
  readonly background: readonly TaskView[];
  readonly resources: readonly TaskView[];
}

/**
 * A gateway: applications of many kinds, on one event loop, behind one port.
 *
 * It lives from `listen` to `close`, and the process with it; everything that it started ends with it.
 *
 * @example
 * ```ts
 * import { json, Loop } from "eddy";
 * import { sleep } from "eddy/operations";
 *
 * const loop = new Loop({ accessLog: true });
 * loop.mount(async (request) => json({ path: request.path }));
 * loop.get("/slow", function* () {
 *   yield* sleep(1000); // halted when the client leaves
 *   return "done";
 * });
 * await loop.serve(8000); // until SIGTERM or SIGINT
 * ```
 */
export class Loop extends Answering {
  /** The log of the loop; `request.log` is its child. */
  readonly log: Logger;
  /**
   * Settles when the loop has stopped; rejects when a background task or an application's resource failed. Nobody
   * waiting for that failure is an unhandled rejection: the process must not look healthy.
   */
  readonly closed: Promise<DrainReport>;
  readonly #settings: Settings;
  readonly #listeners: Listener[] = [];
  readonly #engines = new Engines((reason) =>
    this.log.warn(withoutUws(reason)),
  );
  readonly #shared: Shared;
  readonly #applications: Applications;
  readonly #stalls: StallWatch;
  readonly #visits: Visits;
  readonly #certificates: Certificates;
  readonly #topics: Topics;
  /** Scopes of their own, so that each ends in its turn. */
  readonly #background: Nursery;
  readonly #exchanges: Nursery;
  #state: LoopState = "new";
  /** Calls of `listen` that have not come to an end. */
  #listening = 0;
  #retreating: Promise<void> | undefined;
  /** From now on the drain waits for nobody. */
  readonly #hurry = new AbortController();
  #closing: Future<DrainReport> | undefined;
  #failure: Error | undefined;
  #settleClosed!: {
    resolve(report: DrainReport): void;
    reject(error: Error): void;
  };

  /** @throws {UsageError} for an option that does not exist or has a bad value. */
  constructor(given: LoopOptions = {}) {
    super();
    const options = optionsFromCommand(given);
    this.#settings = settingsFrom(options);
    const { redact, healthCheck, topics } = this.#settings;
    const secrets = redact.length > 0 ? new Secrets(redact) : undefined;
    this.log = createLog(options.log, secrets);
    this.closed = new Promise(
      (resolve, reject) => (this.#settleClosed = { resolve, reject }),
    );
    const failing = (what: string) => (error: Error) => this.#fail(error, what);
    this.#background = attach(undefined, {
      onError: failing("a background task failed"),
      ended: loopIsStopped,
    });
    this.#exchanges = attach(undefined, {
      onError: failing("a task of the loop failed"),
    });
    this.#applications = new Applications(
      { log: this.log },
      failing("an application's resource failed"),
    );
    this.#stalls = new StallWatch(this.log, this.#settings.stallWarnMs);
    const warning = takeWarning();
    if (warning !== undefined) this.log.warn(warning);
    if (healthCheck !== undefined)
      this.router.own(healthCheck, () => this.#health());
    const { scope } = this.#exchanges;
    const made = sharedBy(this.#settings, this.log, secrets, scope);
    this.#shared = made.shared;
    this.#visits = made.visits;
    this.#certificates = new Certificates(this.log, this.#listeners);
    this.#topics = new Topics(made, this.#listeners, this.sockets, topics);
  }

  /**
   * Opens the applications, then the port. May be called again for further addresses.
   *
   * `await` it, and end with `close()`. Or `yield*` it in an operation: the loop then belongs to that operation's
   * scope, is closed with it, and handlers see its contexts. Under the command `eddy` the first loop of a program that
   * listens is the command's to run: the command's addresses and signals count.
   *
   * @throws {ListenError} when the address is taken or not to be had; nothing is left running then.
   * @throws {UsageError} for a target that is none, and once the loop is closed.
   * @throws what a background task or an application's resource failed with, when that has stopped the loop.
   */
  listen(target: number | ListenOptions): Future<Address> {
    const opened =
      listenByCommand(this) ??
      this.#listen(typeof target === "number" ? { port: target } : target);
    return owned(opened, () => this.close(), this.#exchanges.scope);
  }

  /**
   * Listens as a program does: until SIGTERM or SIGINT, which drain the loop; a second one stops it at once. Gives the
   * drain's report when the loop has stopped, for whatever reason.
   *
   * @throws {ListenError} as `listen`.
   * @throws what a background task or an application's resource failed with.
   */
  async serve(target: number | ListenOptions): Promise<DrainReport> {
    const undo = drainAtTermination(this);
    try {
      await this.listen(target);
      return await this.closed;
    } finally {
      undo();
    }
  }

  /**
   * Reads the files of all listeners with TLS anew: certificates, keys, passphrases, authorities. New connections get
   * them; none that is open is closed, and none is refused meanwhile.
   *
   * @throws {ListenError} naming the file, and what is wrong; all listeners go on with what they had.
   *
   * @example
   * ```ts
   * import { Loop } from "eddy";
   *
   * const loop = new Loop();
   * loop.mount(() => "hello");
   * process.on("SIGHUP", () => {
   *   try {
   *     loop.reloadTls();
   *   } catch (error) {
   *     loop.log.error(error, "the old certificates stay");
   *   }
   * });
   * await loop.serve({ port: 8443, tls: { key: "key.pem", cert: "cert.pem" } });
   * ```
   */
  reloadTls(): void {
    this.#certificates.reload();
  }

  /** The loop listens and is not about to end. */
  get ready(): boolean {
    return this.#state === "running" && this.#listeners.length > 0;
  }

  /** Requests since the start, by outcome; `accepted` is their sum once nothing runs. */
  get tally(): Readonly<Tally> {
    return { ...this.#shared.tally };
  }

  /** Connections: how many there are, and how many were closed or ended without being of use since the start. */
  get connections(): ConnectionCounts {
    return this.#visits.counts;
  }

  /** Sockets: how many are open, and what has become of them and their messages since the start. */
  get socketCounts(): Readonly<SocketCounts> {
    return this.#shared.sockets.counts;
  }

  /**
   * Sends a message to all sockets that have subscribed to the topic: a string as text, bytes as binary. Nobody waits
   * for one that is behind: it is closed, or loses the message, by its option `slow`. `except`: whoever sends it.
   *
   * With the option `topics`, and under the command, those of other processes get it as well, at most once. Who waits
   * for what this gives goes on when the broker has it: at once where there is none.
   *
   * @throws {UsageError} for a topic that is no text, and a message that is neither text nor bytes.
   * @throws {BrokerError} from what it gives, when the message has not got there.
   */
  publish(
    topic: string,
    message: Chunk,
    { except }: { readonly except?: Socket } = {},
  ): Sending {
    return this.#topics.publish(topic, message, except);
  }

  /**
   * Starts a background task. It is halted when the loop has drained. When it fails the loop closes: `closed` rejects.
   *
   * @throws {UsageError} once the loop has stopped.
   */
  run<T>(operation: () => Operation<T>): Task<T> {
    return this.#background.scope.run(operation);
  }

  /**
   * Does `work` at an interval: milliseconds, or text such as `"30s"` and `"5m"`. The first time when the interval has
   * passed; then by the clock, and not by when it is done: a time that comes while it is still being done is left out,
   * so that there is never more than one. When it fails the log says so, and it is done again at its next time. Under
   * the command each worker does it.
   *
   * It is a background task, seen in `tasks()`, and halted with the loop, or by `halt()` of what this returns. An
   * operation that is being done is halted then, an async function left to itself.
   *
   * @throws {UsageError} for an interval that is none, and once the loop has stopped.
   *
   * @example
   * ```ts
   * import { Loop } from "eddy";
   * import { until } from "eddy/operations";
   *
   * const loop = new Loop();
   * loop.every("5m", function* refresh() {
   *   const rates = yield* until(fetch("http://127.0.0.1:9000/rates"));
   *   loop.log.info({ status: rates.status }, "refreshed");
   * });
   * await loop.listen(8000);
   * ```
   */
  every(interval: number | string, work: Repeated): Task<void> {
    return this.run(repeating(interval, work, this.log));
  }

  /**
   * What runs now: the exchanges that are not over, the background tasks, the applications' resources; each with the
   * tasks below it. `oldest`: at most so many exchanges and sockets, those that have been there for the longest.
   */
  tasks({ oldest = Infinity } = {}): LoopTasks {
    return {
      exchanges: this.#shared.running(oldest).map((one) => one.view()),
      sockets: this.#shared.sockets.views(oldest),
      background: viewTasks(this.#background.scope),
      resources: this.#applications.tasks(),
    };
  }

  /** How its applications are: those with processes, threads or servers behind them, and what these have to do. */
  applications(): ApplicationStatus[] {
    return this.#applications.status();
  }

  /**
   * Halts the exchanges of an id, of which clients may give the same to several: 503, or a cut connection when the
   * head of its reply is out; outcome `error`. Sockets of that id are closed with 1001. False: there is none.
   */
  halt(id: string): boolean {
    const ofThatId = this.#shared.live
      .all()
      .filter((one) => one.request.id === id);
    for (const exchange of ofThatId) exchange.halt(Reason.of(HaltedError));
    return ofThatId.length + this.#shared.sockets.halt(id) > 0;
  }

  /**
   * Drains, then stops: is not `ready` any more, and after `readinessDelayMs` takes no new connections; waits for the
   * running exchanges (their replies carry `connection: close`), halts those that take longer than `drainTimeoutMs`;
   * ends background tasks and the applications' resources in reverse order. Further calls get the same report.
   */
  close(options: CloseOptions = {}): Future<DrainReport> {
    return (this.#closing ??= future(this.#drain(options)));
  }

  /**
   * How long `close()` takes at most, by the options: for whoever waits for it, and ends the process when that is
   * over.
   */
  get closeLimits(): CloseLimits {
    return closeLimits(this.#settings);
  }

  /** Stops as `close()` does, but waits for no exchange: what runs is halted at once. Also in the middle of a drain. */
  stop(): Future<DrainReport> {
    this.#hurry.abort();
    return this.close();
  }

  protected checkOpen(): void {
    if (this.#state !== "new")
      throw new UsageError("mount applications before listen() or fetch()");
  }

  protected admit(
    application: Application | undefined,
    options: RequestLimits,
  ): [handle: Handler, limits: Limits] {
    this.checkOpen();
    const limits = { ...limitsFrom(this.#settings), ...mountLimits(options) };
    if (typeof application === "function")
      return [this.#stalls.watch(application), limits];
    if (typeof application?.handle !== "function")
      throw new UsageError(
        "an application is a function, or an object with a function `handle`",
      );
    this.#applications.add(application);
    const handle: Handler = (request) => application.handle(request);
    return [this.#stalls.watch(handle), limits];
  }

  #health(): GatewayResponse {
    return {
      status: this.ready ? 200 : 503,
      headers: { "cache-control": "no-store" },
      body: this.ready ? "ready\n" : "closing\n",
    };
  }

  protected async ask(request: Asked): Promise<Response> {
    await this.#opened(async () => {});
    return await ask(this.#serve, request);
  }

  async #listen(target: ListenOptions): Promise<Address> {
    checkTarget(target);
    const opening = {
      serve: this.#serve,
      settings: this.#settings,
      engines: this.#engines,
      visits: this.#visits,
      log: this.log,
      sockets: this.sockets,
    };
    return await this.#opened(async () =>
      this.#add(await openListener(target, opening)),
    );
  }

  /** The applications are open, and `then` is done with them; or else the loop is as it was. */
  async #opened<T>(then: () => Promise<T>): Promise<T> {
    if (this.#retreating !== undefined) await this.#retreating;
    if (this.#state !== "running") this.#become("running");
    this.#listening++;
    try {
      await this.#topics.open();
      if (this.#state !== "running") throw closedMeanwhile();
      await this.#applications.open();
      if (this.#state !== "running") throw closedMeanwhile();
      return await then();
    } catch (error) {
      if (this.#listening === 1 && this.#listeners.length === 0)
        await (this.#retreating = this.#retreat());
      throw this.#failure ?? error; // what stopped the loop says more than that it has stopped
    } finally {
      this.#listening--;
    }
  }

  readonly #serve: Serve = (head, outlet, entrance) => {
    const route = this.router.find(head.method, head.path);
    serve(this.#shared, route, head, outlet, entrance);
  };

  async #add(listener: Listener): Promise<Address> {
    if (this.#state !== "running") {
      await listener.destroy();
      throw new UsageError(`the loop is ${this.#state}`);
    }
    this.#listeners.push(listener);
    this.#stalls.start(this.#shared);
    this.#visits.start();
    this.#certificates.watch(listener);
    loopListens.publish({ loop: this, requests: this.#shared });
    this.log.info(
      { address: listener.address },
      `listening on ${listener.address.url}`,
    );
    return listener.address;
  }

  #become(state: LoopState): void {
    if (!NEXT[this.#state].includes(state))
      throw new UsageError(`the loop is ${this.#state}`);
    this.#state = state;
  }

  /**
   * A first `listen` that failed leaves the loop as it was before, so that another address can be tried; of several at
   * once, the last that has failed.
   */
  async #retreat(): Promise<void> {
    await end(this.#parts, "resources", () => closeResources(this.#parts));
    if (this.#state === "running") this.#become("new");
    this.#retreating = undefined;
  }

  /** There is no half of a server: what fails on its own ends the whole, in order. */
  #fail(error: Error, what: string): void {
    this.log.error({ err: error }, `${what}; the loop closes`);
    this.#failure ??= error;
    void this.close();
  }

  async #drain(close: CloseOptions): Promise<DrainReport> {
    this.#become("draining");
    const parts = { ...this.#parts, close };
    const report = await drain(parts, this.#hurry.signal);
    this.#stalls.stop();
    this.#visits.stop();
    this.#certificates.stop();
    this.#become("stopped");
    logEnd(report, parts);
    if (this.#failure) this.#settleClosed.reject(this.#failure);
    else this.#settleClosed.resolve(report);
    return report;
  }

  get #parts(): Omit<Parts, "close"> {
    return {
      log: this.log,
      settings: this.#settings,
      shared: this.#shared,
      listeners: this.#listeners,
      applications: this.#applications,
      topics: this.#topics,
      background: this.#background,
      exchanges: this.#exchanges,
      tasks: () => this.tasks(),
    };
  }
}

const loopIsStopped = (): UsageError => new UsageError("the loop is stopped");
