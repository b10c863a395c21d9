/** The workers: starts them, keeps their number, replaces them one by one, ends them. */
import type { ForkOptions } from "node:child_process";
import {
  all,
  createScope,
  resource,
  sleep,
  spawn,
  useScope,
  withResolvers,
  type Operation,
  type Scope,
} from "effection";
import type { Logger, Tally } from "../index.ts";
import { Crashes } from "./crashes.ts";
import { endWorkers } from "./end-workers.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import type { Orders, ToWorker } from "./messages.ts";
import { lifetime, Renewals } from "./renewal.ts";
import { Mutex } from "./mutex.ts";
import { isAlone } from "./port.ts";
import {
  failureOf,
  useWorkerProcess,
  type WorkerProcess,
} from "./worker-process.ts";

/** What to start, and what to call. */
export interface ProcessPoolOptions {
  readonly orders: Orders;
  readonly fork: ForkOptions;
  readonly workers: number;
  readonly log: Logger;
  /** A worker that fails at the start does not end the pool, because the next change of a file may help. */
  readonly patient: boolean;
  imported(files: readonly string[]): void;
  /** One more worker serves. */
  ready(): void;
}

/**
 * Keeps as many workers as are wanted. One that is being replaced counts no more, but serves until its successor does,
 * and only one is replaced at a time. A worker that ends without having been told to is started again.
 */
export class ProcessPool {
  readonly workers = new Set<WorkerProcess>();
  /** How many workers were started in place of another one. */
  restarts = 0;
  /** The sums of the workers that have ended. */
  readonly past: Partial<Record<keyof Tally, number>> = {};
  readonly #scope: Scope;
  readonly #options: ProcessPoolOptions;
  readonly #crashes = new Crashes();
  readonly #broken = withResolvers<never>();
  /** The next worker that is ready. */
  #nextReady = withResolvers<void>();
  #wanted: number;
  /** The one that is being replaced. */
  #outgoing: WorkerProcess | undefined;
  /** One at a time replaces workers, or changes their number. */
  readonly #mutex = new Mutex();
  readonly #renewals: Renewals;

  constructor(scope: Scope, options: ProcessPoolOptions) {
    this.#scope = scope;
    this.#options = options;
    this.#wanted = options.workers;
    this.#renewals = new Renewals(scope, {
      settings: options.orders.settings,
      log: options.log,
      replace: (worker) => this.#mutex.run(() => this.#replace(worker)),
    });
  }

  /** Fails when workers cannot be kept running. */
  get broken(): Operation<never> {
    return this.#broken.operation;
  }

  get ready(): WorkerProcess[] {
    return [...this.workers].filter((worker) => worker.state === "ready");
  }

  tell(message: ToWorker): void {
    for (const worker of this.workers) worker.tell(message);
  }

  /** Done when a worker serves. */
  *serves(): Operation<void> {
    while (this.ready.length === 0) yield* this.#nextReady.operation;
  }

  /** Starts those that are missing, waits until each is ready or has failed, and gives how many are ready. */
  *open(): Operation<number> {
    const added = Array.from({ length: this.#missing }, () => this.#add());
    return (yield* all(added)).filter((serves) => serves).length;
  }

  *resize(by: number): Operation<void> {
    if (this.#exclusive)
      return this.#options.log.warn(
        "an address that cannot be shared has one worker",
      );
    this.#wanted = Math.max(1, this.#wanted + by);
    this.#options.log.info(`${this.#wanted} workers are wanted`);
    yield* this.#mutex.run(() => this.#fit());
  }

  /** One by one: the next only when the new one serves. When a new one fails, the others stay. */
  reload(): Operation<void> {
    return this.#mutex.run(() => this.#reload());
  }

  /**
   * Ends all workers, and kills those that take too long.
   *
   * @param now do not wait for requests.
   */
  *close(now: boolean): Operation<void> {
    this.#wanted = 0;
    const { settings } = this.#options.orders;
    yield* endWorkers([...this.workers], settings, now);
  }

  /** Workers cannot share their address: one starts when the one before has ended. */
  get #exclusive(): boolean {
    return isAlone(this.#options.orders.settings);
  }

  /** Neither ending nor being replaced. */
  get #staying(): WorkerProcess[] {
    return [...this.workers].filter(
      (worker) => worker.state !== "closing" && worker !== this.#outgoing,
    );
  }

  get #missing(): number {
    const { length } = this.#exclusive ? [...this.workers] : this.#staying;
    return Math.max(0, this.#wanted - length);
  }

  *#fit(): Operation<void> {
    yield* this.open();
    const starting = this.#staying.filter(({ state }) => state === "starting");
    for (const worker of [...this.ready, ...starting].slice(this.#wanted))
      this.#close(worker);
  }

  *#reload(): Operation<void> {
    const { log } = this.#options;
    const old = this.#staying;
    for (const worker of old) {
      if (yield* this.#replace(worker)) continue;
      const rest =
        this.ready.length > 0 ? "the workers there are go on" : "none serves";
      return log.error(`the reload ends here; ${rest}`);
    }
    const missing = this.#missing;
    const started = yield* this.open();
    if (old.length > 0) log.info(`reloaded ${old.length} workers`);
    if (missing > 0)
      log.info(`${started} of ${missing} missing workers started`);
  }

  /** False: the new one has failed. */
  *#replace(old: WorkerProcess): Operation<boolean> {
    if (!this.#staying.includes(old)) return true; // it has ended meanwhile, and was started again
    this.restarts++;
    if (this.#exclusive) {
      this.#close(old);
      yield* old.ended;
    } else this.#outgoing = old;
    try {
      if (this.#missing === 0) return true; // the command has been told to end
      const serves = yield* this.#add();
      if (serves) this.#close(old);
      return serves;
    } finally {
      this.#outgoing = undefined;
    }
  }

  #close(worker: WorkerProcess): void {
    const lingerMs = this.#options.orders.settings.linger;
    worker.close({ type: "close", lingerMs });
  }

  /** Starts a worker that runs until it ends. True when it serves, false when it has failed. */
  *#add(): Operation<boolean> {
    const serves = withResolvers<boolean>();
    this.#scope.run(() => this.#tend((yes) => serves.resolve(yes)));
    return yield* serves.operation;
  }

  *#tend(serves: (yes: boolean) => void): Operation<void> {
    try {
      yield* this.#live(serves);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      serves(false);
      yield* this.#recover(error);
    }
  }

  *#live(serves: (yes: boolean) => void): Operation<void> {
    const { orders, fork } = this.#options;
    const maxRequests = lifetime(orders.settings);
    const worker = yield* useWorkerProcess(orders, fork, maxRequests, {
      reported: (it) => this.#renewals.weigh(it),
      imported: (files) => this.#options.imported(files),
    });
    this.workers.add(worker);
    yield* spawn(() => this.#awaitReady(worker, serves));
    const ending = yield* worker.ended;
    serves(false);
    this.workers.delete(worker);
    this.#remember(worker);
    if (worker.state !== "closing")
      yield* this.#recover(failureOf(ending), worker);
  }

  *#awaitReady(
    worker: WorkerProcess,
    serves: (yes: boolean) => void,
  ): Operation<void> {
    yield* worker.ready;
    this.#crashes.served();
    this.#options.ready();
    serves(true);
    this.#nextReady.resolve();
    this.#nextReady = withResolvers();
  }

  /**
   * After a worker that has ended without having been told to, or could not be started. An application that has served
   * once may load again: perhaps a database was away.
   */
  *#recover(failure: CommandFailure, worker?: WorkerProcess): Operation<void> {
    const { log, patient } = this.#options;
    const loads = !FINAL.has(failure.exitCode);
    if (!this.#crashes.everServed) {
      if (patient) return log.error(failure.message);
      if (!loads) return this.#broken.reject(failure);
    }
    this.#crashes.note(worker?.servedMs ?? 0);
    const who = worker === undefined ? "" : `worker ${worker.pid} has ended: `;
    log.error({ worker: worker?.pid }, who + failure.message);
    yield* sleep(this.#crashes.waitMs);
    if (this.#missing === 0) return; // in a reload, the old one goes on
    if (loads && this.#crashes.hopeless) return this.#broken.reject(failure);
    this.restarts++;
    this.#scope.run(() => this.#add());
  }

  #remember({ report }: WorkerProcess): void {
    for (const [name, count] of Object.entries(report?.tally ?? {}))
      this.past[name as keyof Tally] =
        (this.past[name as keyof Tally] ?? 0) + count;
  }
}

/** Failures for which starting again does not help: the application does not load, or a setting is wrong. */
const FINAL: ReadonlySet<number> = new Set([EXIT.noApp, EXIT.usage]);

/** The workers end with the scope. */
export function useProcessPool(
  options: ProcessPoolOptions,
): Operation<ProcessPool> {
  return resource(function* (provide) {
    const [scope, destroy] = createScope(yield* useScope());
    try {
      yield* provide(new ProcessPool(scope, options));
    } finally {
      yield* destroy();
    }
  });
}
