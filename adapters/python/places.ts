/**
 * The workers of an application as tasks: each place has one, which is replaced when it is lost or has served enough.
 */
import {
  all,
  createQueue,
  ensure,
  race,
  resource,
  sleep,
  useScope,
  withResolvers,
  type Operation,
} from "eddy/operations";
import { backoffMs, type Logger } from "../../lib/adapter.ts";
import type { PythonSettings } from "./options.ts";
import { Dispatcher } from "./dispatcher.ts";
import { runIn, useLauncher } from "./launcher.ts";
import { PythonWorker } from "./worker.ts";

/**
 * Milliseconds before a worker that was lost at once, or did not start, is replaced: the first, doubled each time, up
 * to the last.
 */
const BACKOFF_MS = { first: 100, last: 5000 };

/** Milliseconds after which a worker has not failed at once. */
const SETTLED_MS = 5000;

type Resolvers<T> = ReturnType<typeof withResolvers<T>>;

export interface WorkerPool {
  readonly dispatcher: Dispatcher;
  /** Replaces the workers, one after the other, each when the next one serves. @throws {PythonStartError} */
  renew(): Operation<void>;
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
    const dispatcher = new Dispatcher(settings.maxQueuedRequests);
    yield* ensure(() => dispatcher.close());
    const launcher = yield* useLauncher(settings, log);
    const workers = yield* useWorkers(
      () => new PythonWorker(settings, log, dispatcher, launcher),
    );
    yield* ensure(() => workers.end());
    const places = yield* usePlaces(workers, dispatcher, settings, log);
    yield* provide({
      dispatcher,
      *renew() {
        yield* launcher.renew();
        for (const place of places) yield* place.renew();
      },
    });
  });
}

/** The workers that there are, in whatever state. */
interface Workers {
  start(): PythonWorker;
  /** Tells all of them at once. Their tasks end when they have. */
  end(): void;
}

function useWorkers(create: () => PythonWorker): Operation<Workers> {
  return resource(function* (provide) {
    const scope = yield* useScope();
    const workers = new Set<PythonWorker>();
    yield* provide({
      start() {
        const worker = create();
        workers.add(worker);
        return runIn(scope, worker, () => void workers.delete(worker));
      },
      end() {
        for (const worker of workers) worker.end();
      },
    });
  });
}

/** Ended before the workers, as from then on none is replaced. */
function usePlaces(
  workers: Workers,
  dispatcher: Dispatcher,
  { processes }: PythonSettings,
  log: Logger,
): Operation<Place[]> {
  return resource(function* (provide) {
    const scope = yield* useScope();
    const places = Array.from(
      { length: processes },
      () => new Place(dispatcher, workers, log),
    );
    yield* all(places.map((place) => place.fill()));
    for (const each of places) {
      const place = (): Operation<void> => each.keep();
      scope.run(place);
    }
    yield* provide(places);
  });
}

/** One of so many places for workers. */
class Place {
  readonly #dispatcher: Dispatcher;
  readonly #workers: Workers;
  readonly #log: Logger;
  #worker!: PythonWorker;
  #failures = 0;
  readonly #orders = createQueue<Resolvers<void>, never>();

  constructor(dispatcher: Dispatcher, workers: Workers, log: Logger) {
    this.#dispatcher = dispatcher;
    this.#workers = workers;
    this.#log = log;
  }

  /** The place's worker is a new one; the one before finishes what it has. @throws {PythonStartError} */
  *fill(): Operation<void> {
    const worker = this.#workers.start();
    yield* worker.ready.operation;
    this.#dispatcher.add(worker.connections);
    this.#worker = worker;
  }

  /** A new worker when this one is lost or worn, or when somebody asks for one. */
  *keep(): Operation<void> {
    for (;;) {
      const started = performance.now();
      const old = this.#worker;
      const why = yield* race([old.leaving.operation, this.#order()]);
      if (why === "lost" && performance.now() - started < SETTLED_MS)
        this.#failures++;
      else this.#failures = 0;
      if (typeof why === "object") yield* this.#obey(why);
      else yield* this.#refill();
      if (this.#worker === old) continue;
      this.#dispatcher.remove(old.connections);
      old.retire();
    }
  }

  /** @throws {PythonStartError} when the new worker does not start; the old one goes on. */
  *renew(): Operation<void> {
    const done = withResolvers<void>();
    this.#orders.add(done);
    yield* done.operation;
  }

  *#order(): Operation<Resolvers<void>> {
    return (yield* this.#orders.next()).value;
  }

  *#obey(done: Resolvers<void>): Operation<void> {
    try {
      yield* this.fill();
      done.resolve();
    } catch (error) {
      done.reject(error as Error);
    }
  }

  *#refill(): Operation<void> {
    for (;;) {
      if (this.#failures > 1)
        yield* sleep(backoffMs(BACKOFF_MS, this.#failures - 1));
      try {
        return yield* this.fill();
      } catch (err) {
        this.#failures = Math.max(2, this.#failures + 1);
        this.#log.error(
          { err },
          `a Python process does not start; the next one follows in ${backoffMs(BACKOFF_MS, this.#failures - 1)} ms`,
        );
      }
    }
  }
}
