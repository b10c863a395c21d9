/** Who changes the same thing waits for those before: one after the other, in the order in which they came. */
import { withResolvers, type Operation } from "effection";

export class Turns {
  #last: Operation<void> | undefined;

  *take<T>(change: () => Operation<T>): Operation<T> {
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
