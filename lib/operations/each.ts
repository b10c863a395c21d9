/** Loops over streams: effection begins and ends them, the step from one value to the next is ours. */
import {
  createContext,
  each as begin,
  Ok,
  type Effect,
  type Operation,
  type Subscription,
} from "effection";
import { exitAtOnce, type Steps } from "../kernel/effects.ts";

/** A loop, as effection keeps it. */
interface Loop {
  readonly subscription: Subscription<unknown, unknown>;
  current: IteratorResult<unknown, unknown>;
  /** The loop has taken `current`. */
  stale?: boolean;
  finish(): void;
}

/** The loops of a task, the innermost last. The context is private, but scopes find values by their names. */
const LOOPS = createContext<Loop[]>("each");

const GET_LOOPS: Effect<Loop[] | undefined> = {
  description: `expect(${LOOPS.name})`,
  enter(resolve, { scope }) {
    resolve(Ok(scope.get(LOOPS)));
    return exitAtOnce;
  },
};

/** One for all of them: it finds its loop when it runs. */
const NEXT: Operation<void> & { readonly name: string } = {
  name: "each.next()",
  *[Symbol.iterator](): Steps {
    const loops = (yield GET_LOOPS) as Loop[] | undefined;
    if (loops === undefined) return yield* begin.next(); // which says that there is no loop, or keeps them elsewhere
    const loop = loops[loops.length - 1];
    if (loop === undefined) throw outsideOfLoop();
    const current = yield* loop.subscription.next();
    loop.stale = false;
    loop.current = current;
    if (current.done) loop.finish();
  },
};

function outsideOfLoop(): Error {
  const error = new Error("cannot call next() outside of an iteration");
  error.name = "IterationError";
  return error;
}

/** As effection's, to the turn. */
export const each: typeof begin = Object.assign(
  ((stream) => begin(stream)) as typeof begin,
  { next: () => NEXT },
);
