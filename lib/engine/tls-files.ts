/** Keys and certificates of a listener: read, and tried by Node, which can say what is wrong with them. */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { ListenError } from "../common/errors.ts";
import {
  CIPHERS,
  type CertificateFiles,
  type TlsOptions,
} from "./listen-options.ts";

/** A file is not to be had, or does not fit the others: starting again does not help. */
export class TlsFileError extends ListenError {}

/** A certificate and its key, as they are now. */
export interface Certificate {
  readonly files: CertificateFiles;
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly passphrase: string | undefined;
  /** Of hosts, in lower case; the first label may be a `*`. */
  readonly names: readonly string[];
  readonly expiresAt: Date;
}

/** What a listener shows its clients, and what it asks of them. */
export interface Credentials {
  /** The first is for whoever asks for a name of no other one. */
  readonly certificates: readonly [Certificate, ...Certificate[]];
  readonly ciphers: string;
  /** The authorities of clients. */
  readonly ca: Buffer | undefined;
}

/** @throws {TlsFileError} naming the file, and what is wrong. */
export function readTls(tls: TlsOptions): Credentials {
  const { sni = [], ca, ciphers = CIPHERS } = tls;
  const first = readCertificate(tls);
  const further = sni.map((files) => readCertificate(files));
  for (const { names, files } of further)
    if (names.length === 0)
      throw new TlsFileError(
        `the TLS certificate ${files.cert} has no name of a host (subjectAltName) that a client could ask for`,
      );
  refuseSameNames([first, ...further]);
  attempt(`the TLS ciphers ${ciphers} do`, () =>
    createSecureContext({ ciphers }),
  );
  return {
    certificates: [first, ...further],
    ciphers,
    ca: ca === undefined ? undefined : readAuthorities(ca),
  };
}

/** One of them alone. @throws {TlsFileError} as `readTls`. */
export function readCertificate(files: CertificateFiles): Certificate {
  const key = read(files.key, "key");
  const cert = read(files.cert, "certificate");
  const passphrase =
    files.passphraseFile === undefined
      ? files.passphrase
      : read(files.passphraseFile, "passphrase").toString().split(/\r?\n/)[0];
  const x509 = attempt(
    `the TLS certificate ${files.cert} does`,
    () => new X509Certificate(cert),
  );
  if (!x509.checkPrivateKey(openKey(files.key, key, passphrase)))
    throw new TlsFileError(
      `the TLS key ${files.key} is not that of the certificate ${files.cert}`,
    );
  attempt(`the TLS key ${files.key} and certificate ${files.cert} do`, () =>
    createSecureContext({ key, cert, passphrase }),
  );
  return {
    files,
    key,
    cert,
    passphrase,
    names: hostsOf(x509),
    expiresAt: new Date(x509.validTo),
  };
}

function openKey(
  file: string,
  key: Buffer,
  passphrase: string | undefined,
): KeyObject {
  try {
    return createPrivateKey({ key, ...(passphrase && { passphrase }) });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new TlsFileError(
      MISSING.has(code)
        ? `the TLS key ${file} is encrypted, and there is no passphrase for it`
        : isWrongPassphrase(message, key)
          ? `the passphrase is not that of the TLS key ${file}`
          : `the TLS key ${file} does not work: ${message}`,
      { cause },
    );
  }
}

/**
 * One in 256 leads to what looks like the end of a text, and OpenSSL finds no key in that: only that the file is
 * encrypted tells it from one that holds no key at all.
 */
const isWrongPassphrase = (message: string, key: Buffer): boolean =>
  /bad decrypt|bad password/i.test(message) ||
  (/DECODER routines::unsupported/i.test(message) && key.includes("ENCRYPTED"));

/** As Node itself says it, and OpenSSL, which would ask for it. */
const MISSING: ReadonlySet<string | undefined> = new Set([
  "ERR_MISSING_PASSPHRASE",
  "ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED",
]);

/** @throws {TlsFileError} saying that `what` does not work, and why. */
function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new TlsFileError(`${what} not work: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Names that are quoted there have something in them that no name of a host has. */
const hostsOf = ({ subjectAltName = "" }: X509Certificate): string[] =>
  [...subjectAltName.matchAll(/(?:^|, )DNS:([\w.*-]+)(?=,|$)/g)].map(
    ([, name]) => name!.toLowerCase(),
  );

function refuseSameNames(certificates: readonly Certificate[]): void {
  const seen = new Map<string, Certificate>();
  for (const one of certificates)
    for (const name of new Set(one.names)) {
      const other = seen.get(name);
      if (other !== undefined)
        throw new TlsFileError(
          `two TLS certificates are for ${name}: ${other.files.cert} and ${one.files.cert}`,
        );
      seen.set(name, one);
    }
}

/** Node takes what is no certificate for none. */
function readAuthorities(file: string): Buffer {
  const pem = read(file, "authorities");
  certificatesIn(pem, `the TLS authorities ${file} do`);
  return pem;
}

/** All in a file, in its order. @throws {TlsFileError} for a file that has none, and for one that is broken. */
export const readChain = (
  file: string,
): readonly [X509Certificate, ...X509Certificate[]] =>
  certificatesIn(read(file, "certificate"), `the TLS certificate ${file} does`);

function certificatesIn(
  pem: Buffer,
  what: string,
): readonly [X509Certificate, ...X509Certificate[]] {
  const [first = "", ...further] = pem.toString().match(CERTIFICATE) ?? [];
  const one = (text: string): X509Certificate =>
    attempt(what, () => new X509Certificate(text));
  return [one(first), ...further.map(one)];
}

const CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function read(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new TlsFileError(
      `cannot read the TLS ${what}: ${(cause as Error).message}`,
      { cause },
    );
  }
}
