/** The application's secret: one for all workers. */
import { randomBytes } from "node:crypto";
import type { Settings } from "./schema.ts";

/** How a secret that was made up is told from one that was configured. */
const MADE_UP = "made-up:";
const VARIABLE = "EDDY_SECRET_KEY";

const production = (): boolean => process.env.NODE_ENV === "production";

const makeUp = (): string => MADE_UP + randomBytes(32).toString("base64url");

/** For the workers' environment. In production no secret is made up. */
export function secretVariables({
  secretKey,
}: Settings): Record<string, string> {
  if (secretKey !== "") return { [VARIABLE]: secretKey };
  return production() ? {} : { [VARIABLE]: makeUp() };
}

/**
 * The secret with which the application signs sessions and the like: `secretKey` of the settings. In development, where
 * there is none, one is made at the start of the command, the same for all workers, and a warning says so.
 *
 * @throws {Error} when there is none and `NODE_ENV` is `production`: a made-up secret would sign everybody out at each
 * start.
 *
 * @example
 * ```ts
 * import { secretKey } from "eddy/config";
 *
 * const key = secretKey();
 * ```
 */
export function secretKey(): string {
  const configured = process.env[VARIABLE];
  if (configured !== undefined && !configured.startsWith(MADE_UP))
    return configured;
  if (production())
    throw new Error(
      `there is no secret key: set ${VARIABLE}, for example to the output of "openssl rand -base64 32"`,
    );
  process.emitWarning(
    `there is no secret key; one was made up for now. Set ${VARIABLE} to keep what it signs valid after a restart.`,
  );
  return (process.env[VARIABLE] = configured ?? makeUp()).slice(MADE_UP.length);
}
