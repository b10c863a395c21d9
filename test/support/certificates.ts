/** Certificates made for a test, by the program openssl: Node.js itself can make none. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { outputOf } from "./programs.ts";

export const OPENSSL_MISSING =
  outputOf("openssl", "version") === undefined
    ? "openssl is not installed"
    : undefined;

/** The words between spaces, and `more`, which may have spaces in them. */
const openssl = (folder: string, words: string, ...more: string[]): Buffer =>
  execFileSync("openssl", [...words.split(" "), ...more], {
    cwd: folder,
    stdio: "pipe",
  });

export interface Wanted {
  /** Of hosts. */
  names?: readonly string[];
  subject?: string;
  days?: number;
  /** In place of elliptic curves, which are made much faster. */
  rsa?: boolean;
  /** Of the key. */
  passphrase?: string;
  /** The name of another one in the folder; without it, the certificate signs itself. */
  signedBy?: string;
}

/** Makes `name.key.pem` and `name.pem` in the folder, in place of those that are there, and gives their paths. */
export function makeCertificate(
  folder: string,
  name: string,
  wanted: Wanted = {},
): { key: string; cert: string } {
  const {
    names = [],
    subject = `/CN=${name}`,
    days = 365,
    rsa = false,
  } = wanted;
  const { passphrase, signedBy = name } = wanted;
  const [key, cert, csr] = [`${name}.key.pem`, `${name}.pem`, `${name}.csr`];
  const alternative = names.map((one) => `DNS:${one}`).join(",");
  const kind = rsa ? "rsa:2048" : "ec -pkeyopt ec_paramgen_curve:P-256";
  openssl(
    folder,
    `req -utf8 -newkey ${kind} -out ${csr} -keyout ${key}`,
    ...(passphrase === undefined
      ? ["-nodes"]
      : ["-passout", `pass:${passphrase}`]),
    ...(names.length > 0 ? ["-addext", `subjectAltName=${alternative}`] : []),
    "-subj",
    subject,
  );
  openssl(
    folder,
    `x509 -req -in ${csr} -days ${days} -out ${cert} -copy_extensions copy`,
    ...(passphrase === undefined ? [] : ["-passin", `pass:${passphrase}`]),
    ...(signedBy === name
      ? ["-signkey", key]
      : ["-CA", `${signedBy}.pem`, "-CAkey", `${signedBy}.key.pem`]),
  );
  return { key: join(folder, key), cert: join(folder, cert) };
}
