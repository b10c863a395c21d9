/** What a handler gives, bound to the async context in which it was made. */
import type { Effect, Operation } from "effection";
import { AsyncContext } from "../common/async-context.ts";
import { isOperation } from "../operations/is-operation.ts";
import type { GatewayResponse } from "./types.ts";

/**
 * Of a reply: where its body is to run. By a symbol, because a reply is plain data and its members are checked; by one
 * that all copies of eddy in a process know.
 */
const MADE_IN = Symbol.for("eddy:made in");

/** Where the body of a reply runs: where `stream()` or `bindContext()` has seen it, or else here. */
export function contextOf(reply: GatewayResponse): AsyncContext {
  return (reply as Bound)[MADE_IN] ?? new AsyncContext();
}

type Bound = GatewayResponse & { readonly [MADE_IN]?: AsyncContext };

/**
 * A copy of `reply` whose body runs in the caller's async context. The spread comes second: where it is first and a
 * member follows, V8 makes a hidden class for each object, a microsecond by itself and more for whoever reads it.
 */
export function madeHere<T extends GatewayResponse>(reply: T): T {
  const context = (reply as Bound)[MADE_IN] ?? new AsyncContext();
  return { [MADE_IN]: context, ...reply };
}

/**
 * Binds what a handler has returned to the caller's async context, as `AsyncLocalStorage.bind()` does with a function.
 * For code that wraps handlers in `AsyncLocalStorage.run()`: the body of a generator function begins when somebody asks
 * for its first value, which is after `run()` is over.
 *
 * An operation and an async generator come back as such, with each step in that context; a promise likewise for what
 * it resolves to; a reply, with its body bound. Everything else comes back as it is. What `stream()` made needs no
 * binding: it remembers where it was made.
 *
 * @example
 * ```ts
 * import { AsyncLocalStorage } from "node:async_hooks";
 * import { bindContext, Loop, type Handler } from "eddy";
 *
 * const user = new AsyncLocalStorage<string>();
 *
 * const withUser =
 *   (handler: Handler): Handler =>
 *   (request) =>
 *     user.run(request.headers.get("x-user") ?? "nobody", () => bindContext(handler(request)));
 *
 * function* hello() {
 *   return `hello ${user.getStore()}\n`;
 * }
 *
 * await new Loop().mount(withUser(hello)).listen(8000);
 * ```
 */
export function bindContext<T>(result: T): T {
  return bound(result) as T;
}

function bound(result: unknown): unknown {
  if (typeof result !== "object" || result === null) return result;
  if ("then" in result) return (result as Promise<unknown>).then(bound);
  if (isAsyncGenerator(result)) return boundGenerator(result);
  if (isOperation(result)) return boundOperation(result);
  return isReply(result) && runs(result.body) ? madeHere(result) : result;
}

function isAsyncGenerator(value: object): value is AsyncGenerator<unknown> {
  return Symbol.asyncIterator in value && "next" in value && "throw" in value;
}

function isReply(value: object): value is GatewayResponse {
  return Object.getPrototypeOf(value) === Object.prototype && "body" in value;
}

/** A body that is there already has nothing to see a store with. */
function runs(body: GatewayResponse["body"]): boolean {
  return (
    typeof body === "function" ||
    (typeof body === "object" && body !== null && !(body instanceof Uint8Array))
  );
}

function boundGenerator<T>(generator: AsyncGenerator<T>): AsyncGenerator<T> {
  const context = new AsyncContext();
  return {
    next: (value) => context.runInAsyncScope(() => generator.next(value)),
    throw: (error) => context.runInAsyncScope(() => generator.throw(error)),
    return: (value) => context.runInAsyncScope(() => generator.return(value)),
    [Symbol.asyncIterator]() {
      return this;
    },
  } as AsyncGenerator<T>;
}

function boundOperation(operation: Operation<unknown>): Operation<unknown> {
  const context = new AsyncContext();
  return {
    [Symbol.iterator]: () =>
      new BoundSteps(
        context,
        context.runInAsyncScope(() => operation[Symbol.iterator]()),
      ),
  };
}

type Steps = Iterator<Effect<unknown>, unknown, unknown>;
type Step = IteratorResult<Effect<unknown>, unknown>;

/** Each step sees what the one before it has left, as within a task. */
class BoundSteps implements Steps {
  #context: AsyncContext;
  readonly #steps: Steps;

  constructor(context: AsyncContext, steps: Steps) {
    this.#context = context;
    this.#steps = steps;
  }

  next(value: unknown): Step {
    return this.#take(() => this.#steps.next(value));
  }

  throw(error: unknown): Step {
    return this.#take(() => {
      if (this.#steps.throw === undefined) throw error;
      return this.#steps.throw(error);
    });
  }

  return(value: unknown): Step {
    return this.#take(
      () => this.#steps.return?.(value) ?? { done: true, value },
    );
  }

  #take(advance: () => Step): Step {
    return this.#context.runInAsyncScope(() => {
      const step = advance();
      if (step.done) return { done: true, value: bound(step.value) };
      this.#context = this.#context.now;
      return { done: false, value: boundEffect(step.value, this.#context) };
    });
  }
}

/** What an effect is made of may be the application's own: what it begins, and how it is left. */
function boundEffect<T>(effect: Effect<T>, context: AsyncContext): Effect<T> {
  return {
    description: effect.description,
    enter(resolve, routine) {
      const exit = context.runInAsyncScope(() =>
        effect.enter(resolve, routine),
      );
      return (left) => context.runInAsyncScope(exit, undefined, left);
    },
  };
}
