/** `POST /workers/…/profile/…`: the supervisor has a worker take a profile. */
import type { Operation } from "effection";
import { duration } from "../kinds.ts";
import type { ProfileOrder } from "../messages.ts";
import type { Workers } from "../status.ts";

/** Longer ones are large, and say no more. */
const MAX_MS = 60_000;

export type ProfileResult =
  | { readonly pid: number; readonly file: string }
  | { readonly status: number; readonly reason: string };

/** `what`: how long the CPU is watched, or `heap`. */
export function* orderProfile(
  pool: Workers,
  pid: string,
  what: string,
): Operation<ProfileResult> {
  const order = orderOf(what);
  if (order === undefined)
    return {
      status: 400,
      reason: `a profile takes a duration up to ${duration.show(MAX_MS)}, such as 10s, or heap; not ${what}`,
    };
  const worker = pool.ready.find((one) => String(one.pid) === pid);
  if (worker === undefined) {
    const pids = pool.ready.map((one) => one.pid).join(", ");
    return { status: 404, reason: `no worker ${pid} serves; there is ${pids}` };
  }
  if (worker.isProfiled)
    return {
      status: 409,
      reason: `somebody takes a profile of ${pid} already`,
    };
  const answer = yield* worker.profile(order);
  if (answer === undefined)
    return {
      status: 504,
      reason: `worker ${pid} has ended, or does not answer`,
    };
  return "file" in answer
    ? { pid: worker.pid, file: answer.file }
    : { status: 500, reason: `worker ${pid} took none: ${answer.failure}` };
}

function orderOf(what: string): ProfileOrder | undefined {
  if (what === "heap") return { kind: "heap", ms: 0 };
  const ms = duration.read(what);
  return ms !== undefined && ms > 0 && ms <= MAX_MS
    ? { kind: "cpu", ms }
    : undefined;
}
