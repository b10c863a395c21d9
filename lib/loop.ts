/** The root of everything: mounts, listeners, background tasks, and their common end. */
import { setImmediate, setTimeout } from "node:timers/promises";
import {
  resource,
  until,
  type Future,
  type Operation,
  type Task,
} from "effection";
import { Applications } from "./applications.ts";
import { UsageError } from "./errors.ts";
import { serve } from "./exchange.ts";
import { future } from "./future.ts";
import { Host, type Tally } from "./host.ts";
import { attach, takeWarning, type Nursery } from "./kernel/fork.ts";
import { viewTasks, type TaskView } from "./kernel/tree.ts";
import {
  openListener,
  type Address,
  type Listener,
  type ListenOptions,
} from "./listener.ts";
import { createAccessLog, createLog, type Logger } from "./log.ts";
import {
  checkOptions,
  settingsFrom,
  type LoopOptions,
  type MountOptions,
  type Settings,
} from "./options.ts";
import { Router, type Method } from "./router.ts";
import type { Application, Handler } from "./types.ts";

/** What `close()` found and did. */
export interface DrainReport {
  /** The exchanges that were still running after `drainTimeoutMs`, and were halted. */
  readonly halted: readonly HaltedExchange[];
  readonly durationMs: number;
  /** Requests since the start: `accepted` is the sum of the outcomes. */
  readonly tally: Readonly<Tally>;
}

/** What `tasks()` saw. */
export interface LoopTasks {
  readonly exchanges: readonly (TaskView & { readonly id: string })[];
  readonly background: readonly TaskView[];
  readonly resources: readonly TaskView[];
}

export interface HaltedExchange {
  readonly id: string;
  readonly method: string;
  readonly path: string;
}

type State = "new" | "listening" | "draining" | "stopped";

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
 * await loop.listen(8000);
 * process.once("SIGTERM", () => void loop.close());
 * ```
 */
export class Loop {
  /** The log of the loop; `request.log` is its child. */
  readonly log: Logger;
  /** Settles when the loop has stopped; rejects when a background task or an application's resource failed. Nobody waiting for that failure is an unhandled rejection: the process must not look healthy. */
  readonly closed: Promise<DrainReport>;
  readonly #settings: Settings;
  readonly #router = new Router();
  readonly #listeners: Listener[] = [];
  readonly #host: Host;
  readonly #applications: Applications;
  /** Scopes of their own, so that each ends in its turn. */
  readonly #background: Nursery;
  readonly #exchanges: Nursery;
  #state: State = "new";
  #closing: Future<DrainReport> | undefined;
  #failure: Error | undefined;
  #settleClosed!: {
    resolve(report: DrainReport): void;
    reject(error: Error): void;
  };

  /** @throws {UsageError} for an option that does not exist or has a bad value. */
  constructor(options: LoopOptions = {}) {
    this.#settings = settingsFrom(options);
    this.log = createLog(options.log);
    this.closed = new Promise(
      (resolve, reject) => (this.#settleClosed = { resolve, reject }),
    );
    const failing = (what: string) => (error: Error) => this.#fail(error, what);
    this.#background = attach(undefined, {
      onError: failing("a background task failed"),
    });
    this.#exchanges = attach(undefined, {
      onError: failing("a task of the loop failed"),
    });
    this.#applications = new Applications(
      failing("an application's resource failed"),
    );
    const warning = takeWarning();
    if (warning !== undefined) this.log.warn(warning);
    const accessLog = createAccessLog(this.log, this.#settings.accessLog);
    this.#host = new Host(
      this.log,
      accessLog,
      this.#exchanges.scope,
      this.#settings.teardownTimeoutMs,
    );
  }

  /**
   * Mounts an application at a prefix, by default the root. Of several prefixes the longest wins; a route with the same
   * pattern goes first. The application sees the prefix as `request.mountPath`.
   *
   * @throws {UsageError} for a malformed or taken prefix, and once the loop listens.
   */
  mount(application: Application): this;
  mount(prefix: string, application: Application, options?: MountOptions): this;
  mount(
    where: string | Application,
    application?: Application,
    options: MountOptions = {},
  ): this {
    const [prefix, mounted] =
      typeof where === "string" ? [where, application] : ["/", where];
    this.#router.mount(prefix, ...this.#admit(mounted, options));
    return this;
  }

  /** Routes GET, and HEAD unless it has a route of its own. Patterns are `/text/:parameter/*`; likewise below. */
  get(pattern: string, application: Application, options?: MountOptions): this {
    return this.#route("GET", pattern, application, options);
  }

  head(
    pattern: string,
    application: Application,
    options?: MountOptions,
  ): this {
    return this.#route("HEAD", pattern, application, options);
  }

  post(
    pattern: string,
    application: Application,
    options?: MountOptions,
  ): this {
    return this.#route("POST", pattern, application, options);
  }

  put(pattern: string, application: Application, options?: MountOptions): this {
    return this.#route("PUT", pattern, application, options);
  }

  patch(
    pattern: string,
    application: Application,
    options?: MountOptions,
  ): this {
    return this.#route("PATCH", pattern, application, options);
  }

  delete(
    pattern: string,
    application: Application,
    options?: MountOptions,
  ): this {
    return this.#route("DELETE", pattern, application, options);
  }

  options(
    pattern: string,
    application: Application,
    options?: MountOptions,
  ): this {
    return this.#route("OPTIONS", pattern, application, options);
  }

  /** Routes every method, except those that have a route with the same pattern. */
  any(pattern: string, application: Application, options?: MountOptions): this {
    return this.#route("ANY", pattern, application, options);
  }

  /**
   * Opens the applications, then the port. May be called again for further addresses.
   *
   * `await` it, and end with `close()`. Or `yield*` it in an operation: the loop then belongs to that operation's scope,
   * and is closed with it.
   *
   * @throws {ListenError} when the address is taken or not to be had; nothing is left running then.
   * @throws {UsageError} once the loop is closed.
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
   * Starts a background task. It is halted when the loop has drained. When it fails the loop closes: `closed` rejects.
   */
  run<T>(operation: () => Operation<T>): Task<T> {
    return this.#background.scope.run(operation);
  }

  /** What runs now: the exchanges that are not over, the background tasks, the applications' resources; each with the tasks below it. */
  tasks(): LoopTasks {
    return {
      exchanges: [...this.#host.live].map((exchange) => exchange.view()),
      background: viewTasks(this.#background.scope),
      resources: this.#applications.tasks(),
    };
  }

  /** Halts an exchange: 503, or a cut connection when the head of its reply is out; outcome `error`. False: there is none of that id. */
  halt(id: string): boolean {
    const exchange = [...this.#host.live].find((one) => one.id === id);
    exchange?.halt();
    return exchange !== undefined;
  }

  /**
   * Drains, then stops: takes no new connections, waits for the running exchanges (their replies carry `connection:
   * close`), halts those that take longer than `drainTimeoutMs`, ends background tasks and the applications' resources
   * in reverse order. Further calls get the same report.
   */
  close(): Future<DrainReport> {
    return (this.#closing ??= future(this.#drain()));
  }

  #route(
    method: Method | "ANY",
    pattern: string,
    application: Application,
    options: MountOptions = {},
  ): this {
    this.#router.route(method, pattern, ...this.#admit(application, options));
    return this;
  }

  #admit(
    application: Application | undefined,
    options: MountOptions,
  ): [handle: Handler, maxBodyBytes: number] {
    if (this.#state !== "new")
      throw new UsageError("mount applications before listen()");
    const { maxBodyBytes } = {
      ...this.#settings,
      ...checkOptions(options, ["maxBodyBytes"]),
    };
    if (typeof application === "function") return [application, maxBodyBytes];
    if (typeof application?.handle !== "function")
      throw new UsageError(
        "an application is a function, or an object with a function `handle`",
      );
    this.#applications.add(application);
    return [(request) => application.handle(request), maxBodyBytes];
  }

  async #listen(target: ListenOptions): Promise<Address> {
    this.#demand("new", "listening");
    this.#state = "listening";
    try {
      await this.#applications.open();
      const listener = await openListener(target, (app, scheme) =>
        this.#router.register(app, (route, method, res, req) =>
          serve(this.#host, route, scheme, method, res, req),
        ),
      );
      return this.#add(listener);
    } catch (error) {
      if (this.#listeners.length === 0) await this.#retreat();
      throw error;
    }
  }

  #add(listener: Listener): Address {
    if (this.#state !== "listening") listener.destroy();
    this.#demand("listening");
    this.#listeners.push(listener);
    this.log.info(
      { address: listener.address },
      `listening on ${listener.address.url}`,
    );
    return listener.address;
  }

  #demand(...states: State[]): void {
    if (!states.includes(this.#state))
      throw new UsageError(`the loop is ${this.#state}`);
  }

  /** A first `listen` that failed leaves the loop as it was before, so that another address can be tried. */
  async #retreat(): Promise<void> {
    await this.#end("resources", () => this.#applications.close());
    if (this.#state === "listening") this.#state = "new";
  }

  /** There is no half of a server: what fails on its own ends the whole, in order. */
  #fail(error: Error, what: string): void {
    this.log.error({ err: error }, `${what}; the loop closes`);
    this.#failure ??= error;
    void this.close();
  }

  async #drain(): Promise<DrainReport> {
    const started = performance.now();
    this.#state = "draining";
    this.#host.draining = true;
    for (const listener of this.#listeners) listener.stop();
    await setImmediate(); // an exchange registers itself at the end of its turn, and this turn may be one's
    await this.#host.untilIdle(this.#settings.drainTimeoutMs);
    const halted = this.#haltExchanges();
    for (const listener of this.#listeners) listener.destroy();
    await this.#end("background tasks", () => this.#background.destroy());
    await this.#end("exchanges", () => this.#exchanges.destroy());
    await this.#end("resources", () => this.#applications.close());
    this.#state = "stopped";
    const durationMs = performance.now() - started;
    return this.#report({ halted, durationMs, tally: { ...this.#host.tally } });
  }

  #haltExchanges(): HaltedExchange[] {
    return [...this.#host.live].map((exchange) => {
      const { id, method, mountPath, path } = exchange.request;
      exchange.drain();
      return { id, method, path: mountPath + path };
    });
  }

  /** Ends a scope, but does not wait for ever: what has no end of its own must not keep the loop from its end. */
  async #end(what: string, destroy: () => Promise<void>): Promise<void> {
    const { teardownTimeoutMs } = this.#settings;
    const limit = new AbortController();
    const late = setTimeout(teardownTimeoutMs, "late", {
      signal: limit.signal,
    }).catch(() => "");
    try {
      if ((await Promise.race([destroy(), late])) === "late")
        this.log.error(
          this.tasks(),
          `the cleanup of ${what} has not ended within ${teardownTimeoutMs} ms`,
        );
    } catch (error) {
      this.log.error({ err: error }, "a cleanup of the loop failed");
    }
    limit.abort();
  }

  #report(report: DrainReport): DrainReport {
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
}
