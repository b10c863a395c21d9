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
import { Turns } from "./turns.ts";
import {
  failureOf,
  useWorkerProcess,
  type WorkerProcess,
} from "./worker-process.ts";

/** What the workers are, and who hears of them. */
export interface PoolOptions {
  readonly orders: Orders;
  readonly fork: ForkOptions;
  readonly workers: number;
  readonly log: Logger;
  /** A worker that fails does not end the pool: the next change may help. */
  readonly patient: boolean;
  imported(files: readonly string[]): void;
  /** One more worker serves. */
  ready(): void;
}

/**
 * There are as many workers as are wanted, but for the one that is about to be replaced: it serves until its successor does,
 * and only one is replaced at a time. Whoever is missed without having been told to end is started again.
 */
export class Pool {
  readonly workers = new Set<WorkerProcess>();
  /** Workers that were started in place of another one. */
  restarts = 0;
  /** Of the workers that have ended. */
  readonly past: Partial<Record<keyof Tally, number>> = {};
  readonly #scope: Scope;
  readonly #options: PoolOptions;
  readonly #crashes = new Crashes();
  readonly #broken = withResolvers<never>();
  #welcomed = withResolvers<void>();
  #wanted: number;
  /** The one that is about to be replaced. */
  #outgoing: WorkerProcess | undefined;
  /** For those who replace workers, or change their number. */
  readonly #turns = new Turns();
  readonly #renewals: Renewals;

  constructor(scope: Scope, options: PoolOptions) {
    this.#scope = scope;
    this.#options = options;
    this.#wanted = options.workers;
    this.#renewals = new Renewals(scope, {
      settings: options.orders.settings,
      log: options.log,
      replace: (worker) => this.#turns.take(() => this.#replace(worker)),
    });
  }

  /** Fails when there is no hope to keep workers running. */
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
    while (this.ready.length === 0) yield* this.#welcomed.operation;
  }

  /** Starts those that are missing. Done when each is ready or has failed; the number of those that are ready. */
  *open(): Operation<number> {
    const added = Array.from({ length: this.#missing }, () => this.#add());
    return (yield* all(added)).filter((serves) => serves).length;
  }

  *resize(by: number): Operation<void> {
    if (this.#exclusive)
      return this.#options.log.warn("a Unix socket has one worker");
    this.#wanted = Math.max(1, this.#wanted + by);
    this.#options.log.info(`${this.#wanted} workers are wanted`);
    yield* this.#turns.take(() => this.#fit());
  }

  /** One by one: the next only when the new one serves. When a new one fails, the others stay. */
  reload(): Operation<void> {
    return this.#turns.take(() => this.#reload());
  }

  /** Ends them all: those that take too long are killed. `now`: without waiting for requests. */
  *close(now: boolean): Operation<void> {
    this.#wanted = 0;
    const { settings } = this.#options.orders;
    yield* endWorkers([...this.workers], settings, now);
  }

  /** Workers cannot share a Unix socket: the next one starts when the last one has ended. */
  get #exclusive(): boolean {
    return this.#options.orders.settings.http.startsWith("unix:");
  }

  /** Those that are to stay. */
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
    if (!this.#staying.includes(old)) return true; // it has ended meanwhile: whoever is there instead is new
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

  /** Starts one, and tends it until it has ended. True: it serves. */
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
    yield* spawn(() => this.#welcome(worker, serves));
    const ending = yield* worker.ended;
    serves(false);
    this.workers.delete(worker);
    this.#remember(worker);
    if (worker.state !== "closing")
      yield* this.#recover(failureOf(ending), worker);
  }

  *#welcome(
    worker: WorkerProcess,
    serves: (yes: boolean) => void,
  ): Operation<void> {
    yield* worker.ready;
    this.#crashes.served();
    this.#options.ready();
    serves(true);
    this.#welcomed.resolve();
    this.#welcomed = withResolvers();
  }

  /** A worker ended that nobody told to, or could not even be started. An application that has served once may load again: the database may have been away. */
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

/** To start it again at once would not help: the application does not load, or the settings are no good. */
const FINAL: ReadonlySet<number> = new Set([EXIT.noApp, EXIT.usage]);

/** The workers end with the scope. */
export function usePool(options: PoolOptions): Operation<Pool> {
  return resource(function* (provide) {
    const [scope, destroy] = createScope(yield* useScope());
    try {
      yield* provide(new Pool(scope, options));
    } finally {
      yield* destroy();
    }
  });
}
