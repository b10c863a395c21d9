/** The workers: starts them, keeps their number, replaces them one by one, ends them. */
import type { ForkOptions } from "node:child_process";
import {
  all,
  createScope,
  race,
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
import { CommandFailure, EXIT } from "./failure.ts";
import type { Orders, ToWorker } from "./messages.ts";
import {
  useWorkerProcess,
  type Ending,
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

/** A proxy in front has used each of its connections once more by then; whoever waits for the end does not mind. */
const LAST_LINGER_MS = 1000;

/** Time for cleanups, beside what the settings give the requests. */
const TEARDOWN_MS = 10_000;

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
  #wanted: number;
  #everReady = false;

  constructor(scope: Scope, options: PoolOptions) {
    this.#scope = scope;
    this.#options = options;
    this.#wanted = options.workers;
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

  /** Starts all that are wanted; done when they are ready. */
  *open(): Operation<void> {
    const missing = this.#wanted - this.#counted;
    yield* all(Array.from({ length: missing }, () => this.#add()));
  }

  *resize(by: number): Operation<void> {
    this.#wanted = Math.max(1, this.#wanted + by);
    this.#options.log.info(`${this.#wanted} workers are wanted`);
    yield* this.open();
    for (const worker of this.ready.slice(this.#wanted)) this.#close(worker);
  }

  /** One by one: the next only when the new one serves. When a new one fails, the others stay. */
  *reload(): Operation<void> {
    const old = this.ready;
    for (const worker of old) {
      const fresh = yield* this.replace(worker);
      if (!fresh)
        return this.#options.log.error(
          "the reload ends here; the workers there are go on",
        );
    }
    if (old.length === 0) yield* this.open();
    this.#options.log.info(`reloaded ${old.length} workers`);
  }

  /** False: the new one has failed. */
  *replace(old: WorkerProcess): Operation<boolean> {
    this.restarts++;
    if (this.#exclusive) {
      this.#close(old);
      yield* old.ended;
    }
    const fresh = yield* this.#add();
    if (fresh && old.state === "ready") this.#close(old);
    return fresh;
  }

  /** Ends them all: those that take too long are killed. `now`: without waiting for requests. */
  *close(now: boolean): Operation<void> {
    this.#wanted = 0;
    const { drainTimeout, readinessDelay, linger } =
      this.#options.orders.settings;
    const lingerMs = Math.min(linger, LAST_LINGER_MS);
    for (const worker of this.workers) {
      worker.state = "closing";
      worker.tell(now ? { type: "stop" } : { type: "close", lingerMs });
    }
    const patience = now ? 0 : readinessDelay + lingerMs + drainTimeout;
    const limit = patience + TEARDOWN_MS;
    yield* race([
      all([...this.workers].map((worker) => worker.ended)),
      sleep(Math.min(limit, 2 ** 31 - 1)),
    ]);
    for (const worker of this.workers) worker.kill("SIGKILL");
  }

  /** Workers cannot share a Unix socket. */
  get #exclusive(): boolean {
    return this.#options.orders.settings.http.startsWith("unix:");
  }

  get #counted(): number {
    return [...this.workers].filter((worker) => worker.state !== "closing")
      .length;
  }

  #close(worker: WorkerProcess): void {
    worker.state = "closing";
    worker.tell({
      type: "close",
      lingerMs: this.#options.orders.settings.linger,
    });
  }

  /** Starts one, and tends it until it has ended. True: it serves. */
  *#add(): Operation<boolean> {
    const serves = withResolvers<boolean>();
    this.#scope.run(() => this.#tend((yes) => serves.resolve(yes)));
    return yield* serves.operation;
  }

  *#tend(serves: (yes: boolean) => void): Operation<void> {
    const { orders, fork } = this.#options;
    const worker = yield* useWorkerProcess(orders, fork, this.#lifetime(), {
      reported: (it) => this.#weigh(it),
      imported: (files) => this.#options.imported(files),
    });
    this.workers.add(worker);
    yield* spawn(() => this.#welcome(worker, serves));
    const ending = yield* worker.ended;
    serves(false);
    this.workers.delete(worker);
    this.#remember(worker);
    if (worker.state !== "closing") yield* this.#recover(worker, ending);
  }

  *#welcome(
    worker: WorkerProcess,
    serves: (yes: boolean) => void,
  ): Operation<void> {
    yield* worker.ready;
    this.#everReady = true;
    this.#options.ready();
    serves(true);
  }

  /** A worker ended that nobody told to. */
  *#recover(worker: WorkerProcess, ending: Ending): Operation<void> {
    const { log, patient } = this.#options;
    const starting = worker.addresses.length === 0;
    const why = explain(ending);
    const failure = new CommandFailure(
      ending.failure?.exitCode ?? EXIT.failed,
      why,
    );
    if (failure.exitCode === EXIT.noApp || (patient && starting)) {
      if (patient || this.#everReady) return log.error(why);
      return this.#broken.reject(failure);
    }
    this.#crashes.note(Date.now() - worker.startedAt);
    log.error({ pid: worker.pid }, `worker ${worker.pid} has ended: ${why}`);
    if (this.#crashes.hopeless()) return this.#broken.reject(failure);
    if (starting && this.#everReady && this.#counted >= this.#wanted) return;
    yield* sleep(this.#crashes.waitMs);
    if (this.#counted >= this.#wanted) return;
    this.restarts++;
    this.#scope.run(() => this.#add());
  }

  /** Has it served enough? */
  #weigh(worker: WorkerProcess): void {
    const { tally, rss } = worker.report!;
    const { maxRss } = this.#options.orders.settings;
    const reason =
      tally.accepted >= worker.maxRequests
        ? `it has had ${tally.accepted} requests`
        : rss > maxRss
          ? `it takes ${Math.round(rss / 1024 ** 2)} MiB`
          : undefined;
    if (reason === undefined || worker.state !== "ready") return;
    if (this.#replaced.has(worker)) return;
    this.#replaced.add(worker);
    this.#options.log.info(`worker ${worker.pid} is replaced: ${reason}`);
    this.#scope.run(() => this.replace(worker));
  }

  /** Those for which a successor is on its way. */
  readonly #replaced = new WeakSet<WorkerProcess>();

  /** Give or take a tenth, so that not all workers are replaced at once. */
  #lifetime(): number {
    const { maxRequests } = this.#options.orders.settings;
    if (maxRequests === 0) return Infinity;
    return Math.round(maxRequests * (0.9 + Math.random() * 0.2));
  }

  #remember({ report }: WorkerProcess): void {
    for (const [name, count] of Object.entries(report?.tally ?? {}))
      this.past[name as keyof Tally] =
        (this.past[name as keyof Tally] ?? 0) + count;
  }
}

function explain({ code, signal, failure }: Ending): string {
  if (failure !== undefined) return failure.message;
  return signal === null
    ? `it ended with code ${code}`
    : `it was ended by ${signal}`;
}

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
