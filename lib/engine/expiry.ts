/** Certificates that are about to expire, or have: said at once, and then every day. */
import type { Logger } from "../common/log.ts";
import { counted } from "../common/counted.ts";
import type { Certificate } from "./tls-files.ts";

export const DAY_MS = 24 * 60 * 60 * 1000;

/** Who renews by a program does so thirty days before, so that by then it has failed for two weeks. */
const EARLY_DAYS = 14;

/** A line for each that has expired or soon will have. */
export function warnOfExpiry(
  certificates: readonly Certificate[],
  log: Logger,
  now = Date.now(),
): void {
  for (const { files, expiresAt } of certificates) {
    const days = (expiresAt.getTime() - now) / DAY_MS;
    if (!(days < EARLY_DAYS)) continue;
    const when =
      days < 0
        ? "has expired"
        : `expires in ${counted(Math.ceil(days), "day")}`;
    log.warn(
      { certificate: files.cert, expiresAt },
      `the TLS certificate ${files.cert} ${when} (${expiresAt.toISOString()}); renew it, and reload`,
    );
  }
}
