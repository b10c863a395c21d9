/** The workers: starts them, keeps their number, replaces them one by one, ends them. */
import type { ChildProcess, ForkOptions } from "node:child_process";
import type { Socket } from "node:net";
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
import type { Logger, RouteFigures, Tally } from "../index.ts";
import { counted } from "../common/counted.ts";
import { addFigures, afterTheEnd } from "../exchange/figures.ts";
import { GIVE_UP, pauseMs } from "./crashes.ts";
import { endWorkers } from "./end-workers.ts";
import { workersOf } from "./cores.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import type { FirstWorker } from "./first-worker.ts";
import { INTERVALS } from "./intervals.ts";
import type { Orders, ToWorker } from "./messages.ts";
import { lifetime, Renewals } from "./renewal.ts";
import { Mutex } from "./mutex.ts";
import type { Release } from "./release.ts";
import type { Settings } from "./schema.ts";
import { TopicRelay } from "./topic-relay.ts";
import { untilSilent } from "./silence.ts";
import { isAlone } from "./port.ts";
import { forkWorker } from "./worker-fork.ts";
import {
  failureOf,
  useWorkerProcess,
  type WorkerProcess,
} from "./worker-process.ts";

/** What to start, and what to call. */
interface ProcessPoolOptions {
  readonly orders: Orders;
  readonly fork: ForkOptions;
  /** Started by the same options already. */
  readonly first: FirstWorker | undefined;
  readonly workers: number;
  readonly log: Logger;
  /** A worker that fails at the start does not end the pool, because the next change of a file may help. */
  readonly patient: boolean;
  imported(files: readonly string[], since: number): void;
  /** One more worker serves. */
  ready(): void;
  /** A worker has ended before it took these connections. */
  returned(connections: readonly Socket[]): void;
}

/** How a worker ended by itself, or could not be started: it has no pid then. */
export interface Crash {
  readonly pid: number | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly reason: string;
  /** What it was at. */
  readonly requests: readonly string[];
}

/**
 * Keeps as many workers as are wanted. One that is being replaced counts no more, but serves until its successor does,
 * and only one is replaced at a time. A worker that ends without having been told to is started again.
 */
export class ProcessPool {
  readonly workers = new Set<WorkerProcess>();
  /** How many workers were started in place of another one. */
  restarts = 0;
  /** How many have ended without having been told to. */
  crashes = 0;
  /** The sums of the workers that have ended. */
  readonly past: Partial<Record<keyof Tally, number>> = {};
  pastFigures: readonly RouteFigures[] = [];
  /** The last worker that has ended without having been told to. */
  lastCrash: Crash | undefined;
  readonly #scope: Scope;
  #options: ProcessPoolOptions;
  #everServed = false;
  readonly #broken = withResolvers<never>();
  /** The next worker that is ready. */
  #nextReady = withResolvers<void>();
  #wanted: number;
  /** The one that is being replaced. */
  #outgoing: WorkerProcess | undefined;
  /** One at a time replaces workers, or changes their number. */
  readonly #mutex = new Mutex();
  readonly #renewals: Renewals;
  readonly #topics = new TopicRelay();

  constructor(scope: Scope, options: ProcessPoolOptions) {
    this.#scope = scope;
    this.#options = options;
    this.#wanted = options.workers;
    this.#renewals = new Renewals(scope, {
      settings: () => this.#options.orders.settings,
      log: options.log,
      replace: (worker) => this.#mutex.run(() => this.#replace(worker)),
    });
  }

  get settings(): Settings {
    return this.#options.orders.settings;
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
    this.#options.log.info(`${counted(this.#wanted, "worker")} wanted`);
    yield* this.#mutex.run(() => this.#fit());
  }

  /**
   * One by one: the next only when the new one serves. When a new one fails, the others stay.
   *
   * @returns why not all of them are new.
   */
  reload(next: Release): Operation<string | undefined> {
    return this.#mutex.run(() => this.#reload(next));
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
    return this.#options.orders.listen.some(isAlone);
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

  *#reload(next: Release): Operation<string | undefined> {
    const { log } = this.#options;
    this.#take(next);
    const old = this.#staying;
    for (const [replaced, worker] of old.entries()) {
      if (yield* this.#replace(worker)) continue;
      const failure = `the reload ends here; ${this.#rest(replaced, old.length)}`;
      log.error(failure);
      return failure;
    }
    const missing = this.#missing;
    const started = yield* this.open();
    yield* all(old.map((worker) => worker.stoppedListening()));
    if (old.length > 0) log.info(`reloaded ${counted(old.length, "worker")}`);
    if (missing > 0)
      log.info(`${started} of ${missing} missing workers started`);
    if (missing === 0 || started > 0) return undefined;
    return "no worker serves";
  }

  /** What holds for each worker that is started from now on. */
  #take({ fork, ...orders }: Release): void {
    const before = this.#options;
    const [was, is] = [before.orders.settings, orders.settings].map(workersOf);
    if (was !== is && !this.#exclusive) this.#wanted = is!;
    this.#options = {
      ...before,
      orders: { ...before.orders, ...orders },
      fork: { ...before.fork, ...fork },
    };
  }

  /** What serves after a reload that failed. */
  #rest(replaced: number, all: number): string {
    if (this.ready.length === 0) return "none serves";
    return replaced === 0
      ? "the workers there are go on"
      : `${replaced} of ${all} workers are new, the others go on as they were`;
  }

  /** False: the new one has failed. */
  *#replace(old: WorkerProcess): Operation<boolean> {
    yield* old.unprofiled();
    if (!this.#staying.includes(old)) return true; // it has ended meanwhile, and was started again
    this.restarts++;
    if (this.#exclusive) {
      this.#close(old);
      yield* old.ended;
    } else this.#outgoing = old;
    try {
      if (this.#missing === 0) {
        this.#close(old); // fewer are wanted by now, or none
        return true;
      }
      const serves = yield* this.#add();
      if (serves) this.#close(old);
      return serves;
    } finally {
      this.#outgoing = undefined;
    }
  }

  /** After a TERM of its own: it closes as in a reload, and another one takes its place meanwhile. */
  #letGo(worker: WorkerProcess): void {
    if (worker.state === "closing")
      return worker.tell({ type: "close", lingerMs: 0 }); // ours, while it started
    const { pid } = worker;
    this.#options.log.info({ worker: pid }, `worker ${pid} is told to end`);
    this.#close(worker);
    this.restarts++;
    this.#scope.run(() => this.#mutex.run(() => this.#succeed(worker)));
  }

  *#succeed(worker: WorkerProcess): Operation<void> {
    if (this.#exclusive) yield* worker.ended;
    yield* this.open();
  }

  #close(worker: WorkerProcess): void {
    const lingerMs = this.#options.orders.settings.linger;
    worker.close({ type: "close", lingerMs });
  }

  /**
   * Starts a worker that runs until it ends. True when it serves, false when it has failed.
   *
   * @param failures in its place, just before it.
   */
  *#add(failures = 0): Operation<boolean> {
    const serves = withResolvers<boolean>();
    this.#scope.run(() => this.#tend(failures, (yes) => serves.resolve(yes)));
    return yield* serves.operation;
  }

  *#tend(failures: number, serves: (yes: boolean) => void): Operation<void> {
    try {
      yield* this.#live(failures, serves);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      serves(false);
      yield* this.#recover(error, failures);
    }
  }

  *#live(failures: number, serves: (yes: boolean) => void): Operation<void> {
    const { orders, fork, first } = this.#options;
    const maxRequests = lifetime(orders.settings);
    const start = (): ChildProcess => first?.take() ?? forkWorker(fork);
    const worker = yield* useWorkerProcess(orders, start, maxRequests, {
      reported: (it) => this.#renewals.weigh(it),
      leaving: (it) => this.#letGo(it),
      imported: (...those) => this.#options.imported(...those),
      topic: (it, message) => this.#topics.hear(it, message),
      behind: ({ pid }) =>
        this.#options.log.warn(
          { worker: pid },
          `worker ${pid} does not read what others publish; it loses messages of topics`,
        ),
    });
    this.workers.add(worker);
    yield* spawn(() => this.#awaitReady(worker, serves));
    yield* spawn(() => this.#endSilent(worker));
    const ending = yield* worker.ended;
    serves(false);
    this.workers.delete(worker);
    this.#topics.forget(worker);
    this.#remember(worker);
    this.#options.returned([...worker.untaken.values()]);
    if (worker.state !== "closing")
      yield* this.#recover(failureOf(ending), failures, worker);
  }

  *#awaitReady(
    worker: WorkerProcess,
    serves: (yes: boolean) => void,
  ): Operation<void> {
    yield* worker.ready;
    this.#everServed = true;
    this.#options.ready();
    serves(true);
    this.#nextReady.resolve();
    this.#nextReady = withResolvers();
  }

  *#endSilent(worker: WorkerProcess): Operation<void> {
    const { orders, log } = this.#options;
    const limit = yield* untilSilent(worker, orders.settings);
    const { pid, alive, lastReportMs } = worker;
    if (!alive) return;
    log.error(
      { worker: pid },
      `worker ${pid} has reported nothing for ${lastReportMs} ms (${limit}); it is ended`,
    );
    worker.tell({ type: "stop" }); // which one does that was merely stopped
    worker.resume();
    yield* sleep(INTERVALS.exitMs);
    worker.kill("SIGKILL");
  }

  /**
   * After a worker that has ended without having been told to, or could not be started. Once one has served, whatever
   * happens to another is no reason to give up: perhaps a database is away, and the application will load again.
   */
  *#recover(
    failure: CommandFailure,
    failures: number,
    worker?: WorkerProcess,
  ): Operation<void> {
    const { log, patient } = this.#options;
    if (!this.#everServed) {
      if (patient) {
        log.error(failure.message);
        return log.info("nothing serves until a file changes");
      }
      if (FINAL.has(failure.exitCode)) return this.#broken.reject(failure);
    }
    const who = worker === undefined ? "" : `${nameOf(worker)} has ended: `;
    const requests = suspectsOf(worker);
    this.crashes++;
    this.lastCrash = {
      pid: worker?.pid,
      at: Date.now(),
      reason: failure.message,
      requests,
    };
    log.error({ worker: worker?.pid, requests }, who + failure.message);
    const { served = false, ageMs = 0 } = worker ?? {};
    yield* sleep(pauseMs({ served, ageMs, failures }));
    if (this.#missing === 0) return; // in a reload, the old one goes on
    const inVain = served ? 0 : failures + 1;
    if (!this.#everServed && inVain >= GIVE_UP)
      return this.#broken.reject(failure);
    this.restarts++;
    this.#scope.run(() => this.#add(inVain));
  }

  #remember({ tally, figures }: WorkerProcess): void {
    const its = [...figures.values()].map(afterTheEnd);
    this.pastFigures = addFigures([...this.pastFigures, ...its]);
    for (const [name, count] of Object.entries(tally))
      this.past[name as keyof Tally] =
        (this.past[name as keyof Tally] ?? 0) + count;
  }
}

const suspectsOf = (worker?: WorkerProcess): readonly string[] =>
  (worker?.last ?? worker?.report)?.suspects ?? [];

/** With what it was at; one that could not say it at its end has said it in its last report. */
function nameOf(worker: WorkerProcess): string {
  const all = suspectsOf(worker);
  if (all.length === 0) return `worker ${worker.pid}`;
  const some = all.slice(-NAMED).join(", ");
  const more = all.length > NAMED ? ` and ${all.length - NAMED} more` : "";
  const at = `at ${some}${more}`;
  return worker.last
    ? `worker ${worker.pid} ${at}`
    : `worker ${worker.pid}, ${worker.lastReportMs} ms before ${at},`;
}

/** Requests that are named in the text of a line; its field has all. */
const NAMED = 3;

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
