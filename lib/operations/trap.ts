/** effection's private `trap`: errors of tasks that `operation` starts end it, and not the whole task. */
import {
  Err,
  Ok,
  type Coroutine,
  type Effect,
  type Operation,
  type Result,
  type Scope,
} from "effection";
import { contexts, type ErrorBoundary } from "../kernel/contract.ts";
import {
  CURRENT_ROUTINE,
  CURRENT_SCOPE,
  exitAtOnce,
  type Exit,
  type Steps,
} from "../kernel/effects.ts";

export function* trap<T>(operation: () => Operation<T>): Steps<T> {
  const scope = (yield CURRENT_SCOPE) as Scope;
  const outside = scope.expect(contexts.boundary);
  const boundary = new Trap((yield CURRENT_ROUTINE) as Coroutine);
  scope.set(contexts.boundary, boundary);
  try {
    const value = yield* operation();
    boundary.outcome ??= Ok(value);
  } catch (error) {
    boundary.outcome = Err(error);
  } finally {
    scope.set(contexts.boundary, outside);
    // oxlint-disable-next-line no-unsafe-finally -- what is unwound by a child's error ends with that error
    return (yield boundary) as T;
  }
}

/** The boundary, and the effect that leaves it: with its outcome, or by unwinding further when there is none. */
class Trap implements ErrorBoundary, Effect<unknown> {
  readonly description = "exit this trap";
  readonly #routine: Coroutine;
  outcome: Result<unknown> | undefined = undefined;

  constructor(routine: Coroutine) {
    this.#routine = routine;
  }

  raise(error: Error): void {
    this.outcome = Err(error);
    this.#routine.unwind();
  }

  enter(resolve: (result: Result<unknown>) => void, routine: Coroutine): Exit {
    if (this.outcome === undefined) routine.unwind();
    else resolve(this.outcome);
    return exitAtOnce;
  }
}
