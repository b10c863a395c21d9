/** Lets one operation run at a time, in the order in which they came. */
import { withResolvers, type Operation } from "effection";

export class Mutex {
  #last: Operation<void> | undefined;

  *run<T>(change: () => Operation<T>): Operation<T> {
    const before = this.#last;
    const done = withResolvers<void>();
    this.#last = done.operation;
    try {
      if (before !== undefined) yield* before;
      return yield* change();
    } finally {
      done.resolve();
    }
  }
}
