/**
 * All of effection under its own names and types. What is used most is ours: the same operations, step for step, which
 * cost less on the kernel's tasks and run on effection's as well.
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
import { spawn as ownSpawn } from "./operations/spawn.ts";

export * from "effection";

const own: Accelerated = {
  ...actions,
  ...concurrent,
  ...resources,
  spawn: ownSpawn,
};

type Accelerated = Pick<
  typeof effection,
  | "action"
  | "all"
  | "ensure"
  | "race"
  | "resource"
  | "sleep"
  | "spawn"
  | "suspend"
  | "until"
  | "useAbortSignal"
>;

/** They rely on the same parts of effection as the kernel. */
const chosen: Accelerated = probe().length === 0 ? own : effection;

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
