/** Signals, one after the other, for as long as somebody wants them; and those that mean nothing here. */
import { createQueue, resource, type Operation, type Queue } from "effection";
import type { Logger } from "../index.ts";
import { withoutEchoes } from "../common/signal-echo.ts";

/**
 * Signals that end, those that change the workers, the one for a new release, and that for whoever has moved the log
 * files.
 */
const ENDING = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;
export const STEERING = ["SIGHUP", "SIGTTIN", "SIGTTOU"] as const;
export const UPGRADING = ["SIGUSR2"] as const;
export const ROTATING = ["SIGUSR1"] as const;

/**
 * All others that end a process which does not say otherwise (signal(7)), and which somebody sends: with a typing
 * error, from a script for another server, or a timer. Faults are left as they are (ABRT, SEGV and their like: a
 * process must not go on then), and PROF is, which V8's profiler uses. Node ignores PIPE and XFSZ by itself, and cannot
 * hear of real-time signals.
 */
export const MEANINGLESS = [
  "SIGALRM",
  "SIGVTALRM",
  "SIGXCPU",
  "SIGIO",
  "SIGSTKFLT",
  "SIGPWR",
] as const;

/** @param once of these, one that waits stands for all that come meanwhile. */
export function useSignals<S extends NodeJS.Signals>(
  names: readonly S[],
  once: readonly S[] = [],
): Operation<Queue<S, never>> {
  const queue = queueOnce<S>(once);
  return useQueue(names, queue, (signal) => queue.add(signal as S));
}

/** Those that end. The second one is meant, and not the first one twice. */
export function useEndings(): Operation<Queue<NodeJS.Signals, never>> {
  const queue = createQueue<NodeJS.Signals, never>();
  return useQueue(
    ENDING,
    queue,
    withoutEchoes((signal) => queue.add(signal)),
  );
}

function useQueue<S extends NodeJS.Signals>(
  names: readonly S[],
  queue: Queue<S, never>,
  add: (signal: NodeJS.Signals) => void,
): Operation<Queue<S, never>> {
  return resource(function* (provide) {
    for (const name of names) process.on(name, add);
    try {
      yield* provide(queue);
    } finally {
      for (const name of names) process.off(name, add);
    }
  });
}

/** The next one that comes. */
export function* next<T>(queue: Queue<T, never>): Operation<T> {
  return (yield* queue.next()).value;
}

function queueOnce<S>(once: readonly S[]): Queue<S, never> {
  const queue = createQueue<S, never>();
  const waiting = new Set<S>();
  return {
    add(signal) {
      if (waiting.has(signal)) return;
      if (once.includes(signal)) waiting.add(signal);
      queue.add(signal);
    },
    *next() {
      const taken = yield* queue.next();
      if (!taken.done) waiting.delete(taken.value);
      return taken;
    },
    close: (value) => queue.close(value),
  };
}

/** Outlives these, silently. A process does so before it can write a log. */
export function outlive(names: readonly NodeJS.Signals[]): void {
  for (const name of names) process.on(name, () => {});
}

/** From now on says so when one comes that means nothing, unless the application listens to it. */
export function nameMeaningless(log: Logger): void {
  for (const name of MEANINGLESS) {
    process.on(name, () => {
      if (process.listenerCount(name) === ours)
        log.warn(`${name} is ignored: it means nothing here`);
    });
    const ours = process.listenerCount(name);
  }
}
