/** All of effection; the operations that are ours, where they can be. */
import * as effection from "effection";
import { probe } from "../kernel/contract.ts";
import * as loops from "./each.ts";
import * as tasks from "./tasks.ts";
import * as waits from "./wait.ts";

export * from "effection";

/** They rely on the same parts of effection as the kernel. */
const chosen: typeof effection =
  probe().length === 0
    ? { ...effection, each: loops.each, ...tasks, ...waits }
    : effection;

/** Instead of effection's of the same names. */
export const {
  action,
  all,
  each,
  ensure,
  race,
  resource,
  sleep,
  spawn,
  suspend,
  until,
  useAbortSignal,
} = chosen;
