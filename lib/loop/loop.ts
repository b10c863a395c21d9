/** The root of everything: mounts, listeners, background tasks, and their common end. */
import {
  resource,
  until,
  type Future,
  type Operation,
  type Task,
} from "effection";
import { Applications } from "./applications.ts";
import { handToCommand, loopListens, optionsFromCommand } from "./command.ts";
import {
  closeLimits,
  drain,
  end,
  NEXT,
  type CloseLimits,
  type CloseOptions,
  type DrainReport,
  type LoopState,
  type Parts,
} from "./drain.ts";
import { HaltedError, UsageError } from "../common/errors.ts";
import { serve } from "../exchange/exchange.ts";
import { future } from "../operations/future.ts";
import { Shared, type Tally } from "../exchange/shared.ts";
import { attach, takeWarning, type Nursery } from "../kernel/fork.ts";
import { viewTasks, type TaskView } from "../kernel/tree.ts";
import type { Listener, Serve } from "../engine/engine.ts";
import { Engines } from "../engine/engines.ts";
import { Entrance } from "../engine/entrance.ts";
import { Visits, type ConnectionCounts } from "../engine/visits.ts";
import { Clients } from "../exchange/clients.ts";
import {
  checkTarget,
  type Address,
  type ListenOptions,
} from "../engine/listen-options.ts";
import { createAccessLog } from "../exchange/access-log.ts";
import { createLog, type Logger } from "../common/log.ts";
import { Secrets } from "../common/secrets.ts";
import { Mounts } from "./mounts.ts";
import {
  limitsFrom,
  mountLimits,
  settingsFrom,
  type LoopOptions,
  type Settings,
} from "./options.ts";
import {
  UNLIMITED,
  type Limits,
  type MountOptions,
} from "../exchange/limits.ts";
import { proxiesFrom } from "../request/proxies.ts";
import { RequestIds } from "../request/request-id.ts";
import { StallWatch } from "./stall.ts";
import { onTermination } from "./signals.ts";
import type {
  Application,
  ApplicationStatus,
  Handler,
} from "../exchange/application.ts";
import type { GatewayResponse } from "../reply/types.ts";
import { openUwsgiListener } from "../uwsgi/listener.ts";

/** What `tasks()` saw. */
export interface LoopTasks {
  readonly exchanges: readonly (TaskView & { readonly id: string })[];
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
 * import { sleep } from "effection";
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
export class Loop extends Mounts {
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
    this.log.warn(
      `Node's own HTTP is the engine, as uWebSockets.js does not load here: ${reason}`,
    ),
  );
  readonly #shared: Shared;
  readonly #applications: Applications;
  readonly #stalls: StallWatch;
  readonly #visits: Visits;
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
    const { redact } = this.#settings;
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
    const { healthCheck } = this.#settings;
    if (healthCheck !== undefined)
      this.router.route("GET", healthCheck, () => this.#health(), UNLIMITED);
    const accessLog = createAccessLog(
      this.log,
      this.#settings.accessLog,
      secrets,
    );
    const proxies = proxiesFrom(
      this.#settings.trustProxy,
      this.#settings.proxyHeader,
    );
    const most = this.#settings.maxConnectionsPerClient;
    this.#visits = new Visits(this.log, {
      most,
      isShared: (address) => address === "" || proxies?.trust(address) === true,
    });
    this.#shared = new Shared(
      this.log,
      accessLog,
      this.#exchanges.scope,
      this.#settings.teardownTimeoutMs,
      new RequestIds(this.#settings.requestId),
      proxies,
      most === Infinity ? undefined : new Clients(),
    );
  }

  /**
   * Opens the applications, then the port. May be called again for further addresses.
   *
   * `await` it, and end with `close()`. Or `yield*` it in an operation: the loop then belongs to that operation's
   * scope, and is closed with it.
   *
   * @throws {ListenError} when the address is taken or not to be had; nothing is left running then.
   * @throws {UsageError} for a target that is none, and once the loop is closed.
   */
  listen(target: number | ListenOptions): Future<Address> {
    const opened = this.#listen(
      typeof target === "number" ? { port: target } : target,
    );
    const close = (): Future<DrainReport> => this.close();
    const owned = resource<Address>(function* (provide) {
      const address = yield* until(opened);
      try {
        yield* provide(address);
      } finally {
        yield* close();
      }
    });
    return future(opened, owned);
  }

  /**
   * Listens as a program does: until SIGTERM or SIGINT, which drain the loop; a second one stops it at once. Gives the
   * drain's report when the loop has stopped, for whatever reason. Under the command `eddy`, which runs the loop then,
   * the command's address and signals count.
   *
   * @throws {ListenError} as `listen`.
   * @throws what a background task or an application's resource failed with.
   */
  async serve(target: number | ListenOptions): Promise<DrainReport> {
    if (handToCommand(this)) return await this.closed;
    const undo = onTermination(
      (signal) => {
        this.log.info(`${signal}: draining`);
        void this.close();
      },
      (signal) => {
        this.log.warn(`${signal} again: stopping at once`);
        void this.stop();
      },
    );
    try {
      await this.listen(target);
      return await this.closed;
    } finally {
      undo();
    }
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

  /**
   * Starts a background task. It is halted when the loop has drained. When it fails the loop closes: `closed` rejects.
   *
   * @throws {UsageError} once the loop has stopped.
   */
  run<T>(operation: () => Operation<T>): Task<T> {
    return this.#background.scope.run(operation);
  }

  /**
   * What runs now: the exchanges that are not over, the background tasks, the applications' resources; each with the
   * tasks below it.
   */
  tasks(): LoopTasks {
    return {
      exchanges: this.#shared.running().map((exchange) => exchange.view()),
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
   * head of its reply is out; outcome `error`. False: there is none.
   */
  halt(id: string): boolean {
    const ofThatId = this.#shared.live
      .all()
      .filter((one) => one.request.id === id);
    for (const exchange of ofThatId) exchange.halt(new HaltedError());
    return ofThatId.length > 0;
  }

  /**
   * Drains, then stops: is not `ready` any more, and after `readinessDelayMs` takes no new connections; waits for the
   * running exchanges (their replies carry `connection: close`), halts those that take longer than `drainTimeoutMs`;
   * ends background tasks and the applications' resources in reverse order. Further calls get the same report.
   */
  close({ lingerMs = 0 }: CloseOptions = {}): Future<DrainReport> {
    return (this.#closing ??= future(this.#drain(lingerMs)));
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

  protected admit(
    application: Application | undefined,
    options: MountOptions,
  ): [handle: Handler, limits: Limits] {
    if (this.#state !== "new")
      throw new UsageError("mount applications before listen()");
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

  async #listen(target: ListenOptions): Promise<Address> {
    checkTarget(target);
    if (this.#retreating !== undefined) await this.#retreating;
    if (this.#state !== "running") this.#become("running");
    this.#listening++;
    try {
      await this.#applications.open();
      return await this.#add(await this.#open(target));
    } catch (error) {
      if (this.#listening === 1 && this.#listeners.length === 0)
        await (this.#retreating = this.#retreat());
      throw error;
    } finally {
      this.#listening--;
    }
  }

  async #open({
    uwsgi,
    engine: choice = this.#settings.engine,
    ...target
  }: ListenOptions): Promise<Listener> {
    if (
      uwsgi !== undefined &&
      Object.values(target).some((it) => it !== undefined)
    )
      throw new UsageError("listen({ uwsgi }) takes nothing else");
    if (uwsgi !== undefined)
      return await openUwsgiListener(
        uwsgi,
        this.#serve,
        this.#settings,
        this.log,
      );
    const engine = await this.#engines.load(
      choice === "auto" && target.http2 ? "node" : choice,
    );
    return await engine.listen(
      target,
      this.#serve,
      this.#settings,
      new Entrance(target.tls ? "https" : "http", this.#visits),
    );
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
    await end(this.#parts, "resources", () => this.#applications.close());
    if (this.#state === "running") this.#become("new");
    this.#retreating = undefined;
  }

  /** There is no half of a server: what fails on its own ends the whole, in order. */
  #fail(error: Error, what: string): void {
    this.log.error({ err: error }, `${what}; the loop closes`);
    this.#failure ??= error;
    void this.close();
  }

  async #drain(lingerMs: number): Promise<DrainReport> {
    this.#become("draining");
    const parts = { ...this.#parts, lingerMs };
    const report = await drain(parts, this.#hurry.signal);
    this.#stalls.stop();
    this.#visits.stop();
    this.#become("stopped");
    if (report.halted.length > 0)
      this.log.warn(
        report,
        `stopped; ${report.halted.length} exchanges had to be halted`,
      );
    else if (this.#listeners.length > 0) this.log.info(report, "stopped");
    if (this.#failure) this.#settleClosed.reject(this.#failure);
    else this.#settleClosed.resolve(report);
    return report;
  }

  get #parts(): Omit<Parts, "lingerMs"> {
    return {
      log: this.log,
      settings: this.#settings,
      shared: this.#shared,
      listeners: this.#listeners,
      applications: this.#applications,
      background: this.#background,
      exchanges: this.#exchanges,
      tasks: () => this.tasks(),
    };
  }
}

const loopIsStopped = (): UsageError => new UsageError("the loop is stopped");
