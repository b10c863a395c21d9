/**
 * The workers of an application as tasks: each place has one, and gets another one when it is lost or its lifetime
 * ends.
 */
import {
  all,
  createQueue,
  ensure,
  race,
  resource,
  sleep,
  spawn,
  useScope,
  withResolvers,
  type Operation,
} from "eddy/operations";
import {
  backoffMs,
  type ApplicationStatus,
  type Logger,
} from "../../lib/adapter.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Interface, PythonSettings } from "./options.ts";
import { startProcess, workerConfig, type Launch } from "./process.ts";
import { PythonWorker } from "./worker.ts";
import { Zygote } from "./zygote.ts";

/** Milliseconds after which a worker that is lost was not lost at once. */
const SETTLED_MS = 5000;

export interface WorkerPool {
  readonly dispatcher: Dispatcher;
  /** What the application speaks. */
  readonly interface: Interface;
  /**
   * Replaces the workers, one after the other, each when the next one serves.
   *
   * @throws {PythonStartError} when a new worker does not start; the old one goes on.
   */
  renew(): Operation<void>;
  status(): ApplicationStatus;
}

/**
 * A pool whose workers live as long as the scope. At its end they are told to end all at once, and waited for.
 *
 * @throws {PythonStartError} when the application cannot be loaded.
 */
export function useWorkerPool(
  settings: PythonSettings,
  log: Logger,
): Operation<WorkerPool> {
  return resource(function* (provide) {
    const processes = yield* useProcesses();
    const dispatcher = new Dispatcher(settings.maxQueuedRequests);
    const launcher = settings.lazyApps
      ? importing(settings)
      : forking(() => processes.run(new Zygote(settings, log)));
    let started = 0;
    let found: Interface | undefined;
    const start = (): PythonWorker => {
      started++;
      return processes.run(
        new PythonWorker(settings, log, dispatcher, launcher.launch, found),
      );
    };
    const places = Array.from(
      { length: settings.processes },
      () => new Place(start, settings, log),
    );
    yield* all(places.map((each) => each.fill()));
    found = places[0]!.interface;
    for (const each of places) {
      const place = (): Operation<void> => each.keep();
      yield* spawn(place); // its name is seen in loop.tasks(); ended before the workers, so then none is replaced
    }
    yield* provide({
      dispatcher,
      interface: found,
      *renew() {
        yield* launcher.renew();
        for (const place of places) yield* place.renew();
      },
      status: () => ({
        kind: "python",
        name: settings.app,
        queued: dispatcher.queued,
        restarts: Math.max(0, started - settings.processes),
        parts: [...processes.all].map((process) => process.status()),
      }),
    });
  });
}

/** What is known of a process as a task. */
type ProcessTask = Pick<PythonWorker | Zygote, "gone" | "end" | "status">;

interface Processes {
  /** Makes a process a task. */
  run<T extends ProcessTask>(process: T): T;
  readonly all: ReadonlySet<ProcessTask>;
}

/** Processes as tasks. At the end of the scope all are told to end at once, and waited for. */
function useProcesses(): Operation<Processes> {
  return resource(function* (provide) {
    const scope = yield* useScope();
    const processes = new Set<ProcessTask>();
    try {
      const start = <T extends ProcessTask>(process: T): T => {
        processes.add(process);
        function* python(): Operation<void> {
          yield* ensure(function* () {
            process.end();
            yield* process.gone.operation;
            processes.delete(process);
          });
          yield* process.gone.operation;
        }
        scope.run(python); // its name is seen in loop.tasks()
        return process;
      };
      yield* provide({ run: start, all: processes });
    } finally {
      for (const process of processes) process.end();
    }
  });
}

/** How workers are started. */
interface Launcher {
  readonly launch: Launch;
  /**
   * Loads the code anew, for the workers from now on.
   *
   * @throws {PythonStartError} when it does not load; then nothing has changed.
   */
  renew(): Operation<void>;
}

/** Each worker imports the application itself. */
const importing = (settings: PythonSettings): Launcher => ({
  launch: (folder, events) =>
    startProcess(settings, workerConfig(settings, folder), events),
  *renew() {},
});

/** Workers are forks of a process that has imported the application. */
function forking(start: () => Zygote): Launcher {
  /** The one with the current code. Those before it end behind their last workers. */
  let current = start();
  return {
    launch(folder, events) {
      if (current.dead) current = start();
      return current.fork(folder, events);
    },
    *renew() {
      let other = start();
      try {
        yield* other.ready.operation;
        [current, other] = [other, current];
      } finally {
        other.end();
      }
    },
  };
}

/** What `renew` waits for. */
type Renewal = ReturnType<typeof withResolvers<void>>;

/** The place of one worker and those that replace it. */
class Place {
  readonly #start: () => PythonWorker;
  readonly #settings: PythonSettings;
  readonly #log: Logger;
  readonly #renewals = createQueue<Renewal, never>();
  #worker!: PythonWorker;
  /** Workers in a row that were lost at once or did not start. */
  #failures = 0;

  constructor(
    start: () => PythonWorker,
    settings: PythonSettings,
    log: Logger,
  ) {
    this.#start = start;
    this.#settings = settings;
    this.#log = log;
  }

  /** What its application speaks. */
  get interface(): Interface {
    return this.#worker.interface!;
  }

  /** Puts a new worker here; the one before finishes what it has. @throws {PythonStartError} */
  *fill(): Operation<void> {
    const worker = this.#start();
    yield* worker.ready.operation;
    this.#worker = worker;
  }

  /** Replaces the worker when it is lost, when its lifetime ends, and when somebody asks for it. */
  *keep(): Operation<void> {
    for (;;) {
      const started = performance.now();
      const old = this.#worker;
      const why = yield* race([old.leaving.operation, this.#renewals.next()]);
      if (why === "lost" && performance.now() - started < SETTLED_MS)
        this.#failures++;
      else this.#failures = 0;
      if (typeof why === "object") yield* this.#fillFor(why.value);
      else yield* this.#refill();
      if (this.#worker !== old) old.retire();
    }
  }

  /** @throws {PythonStartError} when the new worker does not start; the old one goes on. */
  *renew(): Operation<void> {
    const renewal = withResolvers<void>();
    this.#renewals.add(renewal);
    yield* renewal.operation;
  }

  *#fillFor(renewal: Renewal): Operation<void> {
    try {
      yield* this.fill();
      renewal.resolve();
    } catch (error) {
      renewal.reject(error as Error);
    }
  }

  /** Tries until it succeeds. The first worker that is lost at once is replaced without a wait. */
  *#refill(): Operation<void> {
    for (;;) {
      const waitMs = this.#backoffMs();
      if (waitMs > 0) yield* sleep(waitMs);
      try {
        return yield* this.fill();
      } catch (err) {
        this.#failures = Math.max(2, this.#failures + 1);
        this.#log.error(
          { err },
          `a Python process does not start; the next one follows in ${this.#backoffMs()} ms`,
        );
      }
    }
  }

  #backoffMs(): number {
    return backoffMs(this.#settings.backoff, this.#failures - 1);
  }
}
