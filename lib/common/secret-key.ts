/** The application's secret: one for all workers. */
import { randomBytes } from "node:crypto";

/** Where it stands. */
export const SECRET_VARIABLE = "EDDY_SECRET_KEY";

/** How a secret that was made up is told from one that was configured. */
const MADE_UP = "made-up:";

export const isProduction = (): boolean =>
  process.env.NODE_ENV === "production";

export const makeUpSecret = (): string =>
  MADE_UP + randomBytes(32).toString("base64url");

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
  const configured = process.env[SECRET_VARIABLE];
  if (configured !== undefined && !configured.startsWith(MADE_UP))
    return configured;
  if (isProduction())
    throw new Error(
      `there is no secret key: set ${SECRET_VARIABLE}, for example to the output of "openssl rand -base64 32"`,
    );
  process.emitWarning(
    `there is no secret key; one was made up for now. Set ${SECRET_VARIABLE} to keep what it signs valid after a restart.`,
  );
  return (process.env[SECRET_VARIABLE] = configured ?? makeUpSecret()).slice(
    MADE_UP.length,
  );
}
