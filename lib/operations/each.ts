/** Loops over streams: effection begins and ends them, the step from one value to the next is ours. */
import {
  createContext,
  each as begin,
  type Coroutine,
  type Effect,
  type Operation,
  type Result,
  type Subscription,
} from "effection";
import { exitAtOnce, UNIT, type SelfLeaving } from "../kernel/effects.ts";

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

const DONE: IteratorResult<Effect<unknown>, void> = {
  done: true,
  value: undefined,
};

/**
 * One step of a loop. It is the effect that finds the loop in its task, and the iterator that yields it. What the
 * stream waits for is entered with it, or else each value would take a turn more.
 */
class Step
  implements Effect<unknown>, Iterator<Effect<unknown>, void, unknown>
{
  #loop: Loop | undefined;
  /** Of what the stream does until it has a value. */
  #steps: Iterator<Effect<unknown>, unknown, unknown> | undefined;
  #step: IteratorResult<Effect<unknown>, unknown> | undefined;

  get description(): string {
    return this.#step?.done === false
      ? this.#step.value.description
      : "each.next()";
  }

  get isLeftWhenResolved(): boolean {
    return (
      this.#step?.done === false &&
      (this.#step.value as Partial<SelfLeaving>).isLeftWhenResolved === true
    );
  }

  enter(
    resolve: (result: Result<unknown>) => void,
    routine: Coroutine,
  ): (left: (result: Result<void>) => void) => void {
    this.#steps = this.#begin(routine.scope.get(LOOPS))[Symbol.iterator]();
    this.#step = this.#steps.next();
    if (!this.#step.done) return this.#step.value.enter(resolve, routine);
    resolve(UNIT);
    return exitAtOnce;
  }

  #begin(loops: Loop[] | undefined): Operation<unknown> {
    if (loops === undefined) return begin.next(); // which says that there is no loop, or keeps them elsewhere
    this.#loop = loops[loops.length - 1];
    if (this.#loop === undefined) throw outsideOfLoop();
    return this.#loop.subscription.next();
  }

  next(given: unknown): IteratorResult<Effect<unknown>, void> {
    if (this.#steps === undefined) return { done: false, value: this };
    if (this.#step?.done !== true) this.#step = this.#steps.next(given);
    return this.#take(this.#step);
  }

  #take(
    step: IteratorResult<Effect<unknown>, unknown>,
  ): IteratorResult<Effect<unknown>, void> {
    if (!step.done) return step;
    const loop = this.#loop;
    if (loop === undefined) return DONE;
    loop.stale = false;
    loop.current = step.value as Loop["current"];
    if (loop.current.done) loop.finish();
    return DONE;
  }

  throw(error: unknown): IteratorResult<Effect<unknown>, void> {
    if (this.#steps?.throw) return this.#take(this.#steps.throw(error));
    throw error;
  }

  return(): IteratorResult<Effect<unknown>, void> {
    const step = this.#steps?.return?.();
    return step?.done === false ? step : DONE;
  }
}

/** One for all of them: it finds its loop when it runs. */
const NEXT: Operation<void> & { readonly name: string } = {
  name: "each.next()",
  [Symbol.iterator]: () => new Step(),
};

function outsideOfLoop(): Error {
  const error = new Error("cannot call next() outside of an iteration");
  error.name = "IterationError";
  return error;
}

/** As effection's, but for the turn in which a step finds its loop. */
export const each: typeof begin = Object.assign(
  ((stream) => begin(stream)) as typeof begin,
  { next: () => NEXT },
);
