/** Effects that several files yield, and the pieces they are made of. An effect: `enter(resolve, routine)` gives its exit. */
import { Ok, type Coroutine, type Effect, type Result } from "effection";

/** How an effect leaves: it calls back when it has, which may be later. */
export type Exit = (left: (result: Result<void>) => void) => void;

/** One object for every result that is nothing. */
export const UNIT: Result<void> = Ok();

/** The exit of an effect that has nothing to clean up. */
export const exitAtOnce: Exit = (left) => left(UNIT);

/** Gives the scope that `spawn` and contexts use: inside of `scoped()` another one than the task's own. */
export const CURRENT_SCOPE: Effect<Coroutine["scope"]> = {
  description: "useScope()",
  enter(resolve, routine) {
    resolve(Ok(routine.scope));
    return exitAtOnce;
  },
};

export const CURRENT_ROUTINE: Effect<Coroutine> = {
  description: "useCoroutine()",
  enter(resolve, routine) {
    resolve(Ok(routine));
    return exitAtOnce;
  },
};
