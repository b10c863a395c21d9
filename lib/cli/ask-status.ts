/** Asks where an eddy tells its status. */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { STATUS_USER } from "../status/visitors.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import type { Settings } from "./schema.ts";
import { statusTarget } from "./status-server.ts";

/** Where an eddy is asked, and how. */
export type StatusAddress = Pick<Settings, "stats" | "statsPassword">;

interface StatusAnswer {
  readonly statusCode: number | undefined;
  readonly body: string;
}

/**
 * What is said at `path` there.
 *
 * @param limitMs for the answer to come in.
 * @throws {CommandFailure} when nobody answers.
 */
export async function askStatus(
  { stats, statsPassword }: StatusAddress,
  path: string,
  method: "GET" | "POST",
  limitMs?: number,
): Promise<StatusAnswer> {
  const target = statusTarget(stats);
  const where = "path" in target ? { socketPath: target.path } : target;
  const signal =
    limitMs === undefined ? undefined : AbortSignal.timeout(limitMs);
  try {
    const asked = request({
      ...where,
      path,
      method,
      ...(statsPassword && {
        auth: `${STATUS_USER}:${statsPassword}`,
      }),
      ...(signal && { signal }),
    }).end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const body = (await response.setEncoding("utf8").toArray()).join("");
    const { statusCode } = response;
    if (statusCode === 401) throw new Error(body.trim());
    return { statusCode, body };
  } catch (cause) {
    const why = signal?.aborted ? "no answer" : (cause as Error).message;
    throw nobodyAt(stats, why, cause);
  }
}

export const nobodyAt = (
  stats: string,
  why: string,
  cause?: unknown,
): CommandFailure =>
  new CommandFailure(
    EXIT.failed,
    `no eddy tells its status at ${stats}: ${why}`,
    { cause },
  );
