/** What is wrong with files of TLS, and how old they are. */
import { statSync } from "node:fs";
import { CommandFailure } from "../failure.ts";
import { readCertificates } from "../tls.ts";
import { DAY_MS } from "../../engine/expiry.ts";
import type { Certificate } from "../../engine/tls-files.ts";
import { look, type Check, type Finding, type Setup } from "./finding.ts";

/** Who renews by a program does so thirty days before. */
const EARLY_DAYS = 14;

const CHECKS: readonly Check<Certificate>[] = [
  {
    code: "tls-expires",
    wrong: ({ files, expiresAt }) => {
      const days = Math.floor((expiresAt.getTime() - Date.now()) / DAY_MS);
      if (days < 0) return `${files.cert} has expired ${-days} days ago`;
      return days < EARLY_DAYS && `${files.cert} expires in ${days} days`;
    },
    todo: "renew it, then kill -HUP to the supervisor",
  },
  {
    code: "tls-key-readable",
    wrong: ({ files }) =>
      (statSync(files.key).mode & 0o004) !== 0 &&
      `all users of the machine can read the key ${files.key}`,
    todo: "chmod 640, and the group of the user that eddy runs as",
  },
];

export function lookAtTls({ settings }: Setup): Finding[] {
  try {
    return readCertificates(settings).flatMap((one) =>
      look("tlsCert", one, CHECKS),
    );
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    const todo = "openssl x509 -in FILE -noout -text shows what is in it";
    return [{ code: "tls-files", where: "tlsCert", what: error.message, todo }];
  }
}
