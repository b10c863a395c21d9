/** The workers of a pool as tasks: each place has a process, and gets another one when that is lost or worn. */
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
import { Pool } from "./pool.ts";
import { Worker } from "./process.ts";
import { useSource, type Source } from "./source.ts";

/** Milliseconds before a worker that was lost at once, or did not start, is replaced: the first, doubled each time, up to the last. */
const BACKOFF_MS = { first: 100, last: 5000 };

/** Milliseconds after which a worker has not failed at once. */
const SETTLED_MS = 5000;

type Resolvers<T> = ReturnType<typeof withResolvers<T>>;

export interface Staff {
  readonly pool: Pool;
  /** Replaces the workers, one after the other, each when the next one serves. @throws {PythonStartError} */
  renew(): Operation<void>;
}

/**
 * A pool whose workers live as long as the scope; they are told to end all at once, and waited for.
 *
 * @throws {PythonStartError} when the application cannot be loaded.
 */
export function useStaff(
  settings: PythonSettings,
  log: Logger,
): Operation<Staff> {
  return resource(function* (provide) {
    const pool = new Pool(settings, log);
    yield* ensure(() => pool.close());
    const source = yield* useSource(settings, log);
    const workers = yield* useWorkers(pool, source);
    yield* ensure(() => workers.end());
    const places = yield* usePlaces(workers, pool);
    yield* provide({
      pool,
      *renew() {
        yield* source.renew();
        for (const place of places) yield* place.renew();
      },
    });
  });
}

/** The workers that there are, in whatever state. */
interface Workers {
  start(): Worker;
  /** Tells all of them at once. Their tasks end when they have. */
  end(): void;
}

function useWorkers(pool: Pool, { launch }: Source): Operation<Workers> {
  return resource(function* (provide) {
    const scope = yield* useScope();
    const workers = new Set<Worker>();
    yield* provide({
      start() {
        const worker = new Worker(pool, launch);
        const python = (): Operation<void> => live(worker, workers);
        workers.add(worker);
        scope.run(python); // by this name it is seen in loop.tasks()
        return worker;
      },
      end() {
        for (const worker of workers) worker.end();
      },
    });
  });
}

/** Whoever ends first here replaces no worker any more. */
function usePlaces(workers: Workers, pool: Pool): Operation<Place[]> {
  return resource(function* (provide) {
    const scope = yield* useScope();
    const places = Array.from(
      { length: pool.settings.processes },
      () => new Place(pool, workers),
    );
    yield* all(places.map((place) => place.fill()));
    for (const each of places) {
      const place = (): Operation<void> => each.keep();
      scope.run(place);
    }
    yield* provide(places);
  });
}

/** One place, whoever has it. */
class Place {
  readonly #pool: Pool;
  readonly #workers: Workers;
  #worker!: Worker;
  #failures = 0;
  readonly #orders = createQueue<Resolvers<void>, never>();

  constructor(pool: Pool, workers: Workers) {
    this.#pool = pool;
    this.#workers = workers;
  }

  /** The place's worker is a new one; the one before finishes what it has. @throws {PythonStartError} */
  *fill(): Operation<void> {
    const worker = this.#workers.start();
    yield* worker.ready.operation;
    this.#pool.add(worker);
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
      this.#pool.remove(old);
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
        this.#pool.log.error(
          { err },
          `a Python process does not start; the next one follows in ${backoffMs(BACKOFF_MS, this.#failures - 1)} ms`,
        );
      }
    }
  }
}

/** A worker's task: it ends when the process has; halted, it ends the process. */
function* live(worker: Worker, workers: Set<Worker>): Operation<void> {
  yield* ensure(function* () {
    worker.end();
    yield* worker.gone.operation;
    workers.delete(worker);
  });
  yield* worker.gone.operation;
}
