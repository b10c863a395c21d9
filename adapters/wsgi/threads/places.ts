/** The threads of a pool as tasks: each place has a thread, and gets another one when that is lost. */
import {
  all,
  ensure,
  race,
  resource,
  sleep,
  until,
  useScope,
  type Operation,
} from "eddy/operations";
import { backoffMs, type Logger } from "../../../lib/adapter.ts";
import type { ThreadSettings } from "./options.ts";
import { ThreadPool } from "./pool.ts";
import { Thread, type ThreadEnd } from "./thread.ts";

/**
 * A pool whose threads live as long as the scope. It ends in three steps: the requests that still run end, the threads
 * end, and their exit is waited for.
 *
 * @throws {ThreadStartError} when the application cannot be loaded.
 */
export function* useThreadPool(
  settings: ThreadSettings,
  log: Logger,
): Operation<ThreadPool> {
  const pool = new ThreadPool(settings, log);
  const exits = new Set<Promise<void>>();
  yield* ensure(() =>
    race([all([...exits].map(until)), sleep(settings.exitMs)]),
  );
  yield* usePlaces(pool, exits);
  yield* ensure(() => pool.quiet());
  return pool;
}

function usePlaces(
  pool: ThreadPool,
  exits: Set<Promise<void>>,
): Operation<void> {
  return resource(function* (provide) {
    const scope = yield* useScope();
    const start = (): Thread => {
      const thread = new Thread(pool);
      exits.add(thread.exited);
      void thread.exited.then(() => exits.delete(thread.exited));
      return thread;
    };
    const keepOne = (first: Thread): void => {
      const thread = (): Operation<void> => keep(pool, first, start);
      scope.run(thread); // by this name it is seen in loop.tasks()
    };
    const first = Array.from({ length: pool.settings.threads }, start);
    first.forEach(keepOne);
    yield* all(first.map(({ ready }) => ready.operation));
    pool.open(() => keepOne(start()));
    yield* provide();
  });
}

/** One place: a thread, and the next one when that has ended, as long as the pool wants one. */
function* keep(
  pool: ThreadPool,
  first: Thread,
  start: () => Thread,
): Operation<void> {
  let failures = 0;
  for (let thread = first; ; thread = start()) {
    const { died, unreported: err } = yield* live(pool, thread);
    if (!pool.wantsAnother()) return;
    if (err) pool.log.error({ err }, "a thread has ended; another one follows");
    failures = died && thread.served === 0 ? failures + 1 : 0;
    const { backoffMs: limits } = pool.settings;
    if (failures > 0) yield* sleep(backoffMs(limits, failures));
  }
}

function* live(pool: ThreadPool, thread: Thread): Operation<ThreadEnd> {
  pool.add(thread);
  try {
    return yield* thread.lost.operation;
  } finally {
    thread.kill();
  }
}
