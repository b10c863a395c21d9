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
  type Scope,
} from "eddy/operations";
import type { Logger } from "../../lib/adapter.ts";
import type { PythonSettings } from "./options.ts";
import { Pool } from "./pool.ts";
import { Worker } from "./process.ts";

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
    const scope = yield* useScope();
    const workers = new Set<Worker>();
    const places = Array.from(
      { length: settings.processes },
      () => new Place(pool, scope, workers),
    );
    yield* all(places.map((place) => place.fill()));
    for (const place of places) place.keep();
    yield* ensure(() => {
      pool.close();
      for (const worker of workers) worker.end();
    });
    yield* provide({
      pool,
      *renew() {
        for (const place of places) yield* place.renew();
      },
    });
  });
}

/** One place, whoever has it. */
class Place {
  readonly #pool: Pool;
  readonly #scope: Scope;
  readonly #workers: Set<Worker>;
  #worker!: Worker;
  #failures = 0;
  readonly #orders = createQueue<Resolvers<void>, never>();

  constructor(pool: Pool, scope: Scope, workers: Set<Worker>) {
    this.#pool = pool;
    this.#scope = scope;
    this.#workers = workers;
  }

  /** Starts a worker in a task of its own; those before it finish what they have. @throws {PythonStartError} */
  *fill(): Operation<void> {
    const worker = new Worker(this.#pool);
    this.#workers.add(worker);
    const workers = this.#workers;
    const pool = this.#pool;
    const python = (): Operation<void> => live(worker, pool, workers);
    this.#scope.run(python); // by this name it is seen in loop.tasks()
    yield* worker.ready.operation;
    this.#pool.add(worker);
    this.#worker = worker;
  }

  /** In a task: a new worker when this one is lost or worn, or when somebody asks for one. */
  keep(): void {
    const place = (): Operation<void> => this.#keep();
    this.#scope.run(place);
  }

  /** @throws {PythonStartError} when the new worker does not start; the old one goes on. */
  *renew(): Operation<void> {
    const done = withResolvers<void>();
    this.#orders.add(done);
    yield* done.operation;
  }

  *#keep(): Operation<void> {
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
      if (this.#failures > 1) yield* sleep(backoff(this.#failures - 1));
      try {
        return yield* this.fill();
      } catch (err) {
        this.#failures = Math.max(2, this.#failures + 1);
        this.#pool.log.error(
          { err },
          `a Python process does not start; the next one follows in ${backoff(this.#failures - 1)} ms`,
        );
      }
    }
  }
}

/** A worker is owned by a task: halted, it ends, and so does the task when the process has. */
function* live(
  worker: Worker,
  pool: Pool,
  workers: Set<Worker>,
): Operation<void> {
  yield* ensure(function* () {
    worker.end();
    yield* worker.gone.operation;
    workers.delete(worker);
  });
  yield* worker.gone.operation;
  pool.remove(worker);
}

function backoff(failures: number): number {
  return Math.min(BACKOFF_MS.first * 2 ** (failures - 1), BACKOFF_MS.last);
}
