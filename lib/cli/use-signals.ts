/** Signals, one after the other, for as long as somebody wants them. */
import { createQueue, resource, type Operation, type Queue } from "effection";

/** Signals that end, those that change the workers, and the one for whoever has moved the log files. */
export const ENDING = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;
export const STEERING = ["SIGHUP", "SIGTTIN", "SIGTTOU"] as const;
export const ROTATING = ["SIGUSR1"] as const;

export function useSignals<S extends NodeJS.Signals>(
  names: readonly S[],
): Operation<Queue<S, never>> {
  return resource(function* (provide) {
    const queue = createQueue<S, never>();
    const add = (signal: NodeJS.Signals): void => queue.add(signal as S);
    for (const name of names) process.on(name, add);
    try {
      yield* provide(queue);
    } finally {
      for (const name of names) process.off(name, add);
    }
  });
}
