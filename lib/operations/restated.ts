/** The operations that are ours, where they can be, and else effection's own. */
import * as effection from "effection";
import { probe } from "../kernel/contract.ts";
import * as actions from "./action.ts";
import * as concurrent from "./concurrent.ts";
import * as resources from "./resource.ts";

/** They rely on the same parts of effection as the kernel. */
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
