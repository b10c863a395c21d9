/** TLS as the settings say it: what a listener gets, and what the supervisor looks at. */
import { sleep, type Operation } from "effection";
import type { Logger, TlsOptions } from "../index.ts";
import { UsageError } from "../common/errors.ts";
import { DAY_MS, warnOfExpiry } from "../engine/expiry.ts";
import { checkTls, type CertificateFiles } from "../engine/listen-options.ts";
import {
  readTls,
  TlsFileError,
  type Certificate,
} from "../engine/tls-files.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import type { Settings } from "./schema.ts";

/** Undefined without TLS. */
export function tlsOf(settings: Settings): TlsOptions | undefined {
  const { tlsKey, tlsCert, tlsPassphrase, tlsPassphraseFile } = settings;
  const { tlsCiphers, tlsMinVersion, tlsVerifyClient, tlsCa } = settings;
  const [first, ...sni] = tlsCert.map((cert, i): CertificateFiles => ({
    cert,
    key: tlsKey[i]!,
    ...(tlsPassphrase && { passphrase: tlsPassphrase }),
    ...(tlsPassphraseFile && { passphraseFile: tlsPassphraseFile }),
  }));
  if (first === undefined) return undefined;
  return {
    ...first,
    sni,
    ciphers: tlsCiphers,
    minVersion: tlsMinVersion,
    ...(tlsVerifyClient !== "none" && { verifyClient: tlsVerifyClient }),
    ...(tlsCa && { ca: tlsCa }),
  };
}

/**
 * The certificates, as they are now; none without TLS.
 *
 * @throws {CommandFailure} for settings that do not fit each other, and for files that cannot be used.
 */
export function readCertificates(settings: Settings): readonly Certificate[] {
  checkPairs(settings);
  const tls = tlsOf(settings);
  if (tls === undefined) return [];
  try {
    checkTls(tls);
    return readTls(tls).certificates;
  } catch (error) {
    if (!(error instanceof TlsFileError || error instanceof UsageError))
      throw error;
    throw new CommandFailure(EXIT.usage, error.message, { cause: error });
  }
}

function checkPairs({
  tlsKey,
  tlsCert,
  tlsVerifyClient,
  tlsCa,
}: Settings): void {
  const [keys, certs] = [tlsKey.length, tlsCert.length];
  if (keys !== certs && (keys === 0 || certs === 0))
    throw new CommandFailure(
      EXIT.usage,
      `--tls-${keys === 0 ? "key" : "cert"} is missing: TLS takes a key and a certificate`,
    );
  if (keys !== certs)
    throw new CommandFailure(
      EXIT.usage,
      `there are ${keys} of --tls-key and ${certs} of --tls-cert: each certificate takes its key, in the same order`,
    );
  if ((tlsVerifyClient === "none") !== (tlsCa === ""))
    throw new CommandFailure(
      EXIT.usage,
      "--tls-verify-client and --tls-ca go together: whether clients show a certificate, and who signs it",
    );
  if (certs === 0 && tlsCa !== "")
    throw new CommandFailure(
      EXIT.usage,
      "--tls-ca takes a listener with TLS: give --tls-key and --tls-cert, too",
    );
}

/** Warns of certificates that expire, every day: the supervisor for all workers. */
export function* watchExpiry(settings: Settings, log: Logger): Operation<void> {
  for (;;) {
    yield* sleep(DAY_MS);
    lookAtCertificates(settings, log);
  }
}

/** True: all files of TLS can be used. If not, the log says what is wrong. */
export function lookAtCertificates(settings: Settings, log: Logger): boolean {
  try {
    warnOfExpiry(readCertificates(settings), log);
    return true;
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    log.error(error.message);
    return false;
  }
}
