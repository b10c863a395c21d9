/**
 * All of effection under its own names and types. What is used most is eddy's own: the same operations, step for step,
 * which are faster on the kernel's tasks and run on effection's as well.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { race, sleep, until } from "eddy/operations";
 *
 * function* slowly() {
 *   yield* race([until(fetch("http://127.0.0.1:9000")), sleep(1000)]);
 *   return "done";
 * }
 *
 * await new Loop().get("/slow", slowly).listen(8000);
 * ```
 */
import * as effection from "effection";
import { probe } from "./kernel/contract.ts";
import * as actions from "./operations/action.ts";
import * as concurrent from "./operations/concurrent.ts";
import * as resources from "./operations/resource.ts";

export * from "effection";

/** eddy's own rely on the same parts of effection as the kernel. */
const chosen: typeof effection =
  probe().length === 0
    ? { ...effection, ...actions, ...concurrent, ...resources }
    : effection;

export const {
  action,
  all,
  ensure,
  race,
  resource,
  sleep,
  spawn,
  suspend,
  until,
  useAbortSignal,
} = chosen;

export { isOperation } from "./operations/is-operation.ts";
