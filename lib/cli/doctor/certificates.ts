/** What is wrong with certificates and keys: eddy's own, and those that a front shows. */
import { X509Certificate } from "node:crypto";
import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { DAY_MS } from "../../engine/expiry.ts";
import type { CertificateFiles } from "../../engine/listen-options.ts";
import {
  readCertificate,
  readChain,
  TlsFileError,
} from "../../engine/tls-files.ts";
import { CommandFailure } from "../failure.ts";
import { readCertificates, tlsOf } from "../tls.ts";
import {
  look,
  type Check,
  type Finding,
  type Look,
  type Setup,
} from "./finding.ts";

/** Who shows a certificate. */
export interface Shower {
  /** The setting, or the line, that names it. */
  readonly where: string;
  /** How it takes a new one. */
  readonly renewal: string;
  /** Who may read the key. */
  readonly reader: string;
  /** Files with authorities that its clients, too, may know. */
  readonly authorities: readonly string[];
}

/** Who renews by a program does so thirty days before. */
const EARLY_DAYS = 14;

/** A file with a certificate, and others behind it. */
interface Chain {
  readonly file: string;
  readonly shower: Shower;
  readonly leaf: X509Certificate;
  /** Who signed it, if that is known here. */
  readonly issuer: Issuer | undefined;
}

interface Issuer {
  readonly certificate: X509Certificate;
  /** Undefined: every client has it. */
  readonly file: string | undefined;
}

const CHAIN_CHECKS: readonly Check<Chain>[] = [
  {
    code: "tls-expires",
    wrong: ({ file, shower, leaf, issuer }) => {
      const todo = `renew it, then ${shower.renewal}`;
      const what =
        ageOf(file, leaf) ||
        (issuer?.file === file &&
          ageOf(`the intermediate certificate in ${file}`, issuer.certificate));
      return what && { what, todo };
    },
  },
  {
    code: "tls-chain",
    wrong: ({ file, shower, leaf, issuer }) => {
      const isKnown =
        issuer !== undefined &&
        (issuer.file === file || isRoot(issuer.certificate));
      if (leaf.ca || isRoot(leaf) || isKnown) return false;
      const [name = leaf.issuer] = /(?<=^CN=).*$/m.exec(leaf.issuer) ?? [];
      return {
        what: `${file} lacks the certificate of ${name}, who has signed it: clients that do not know that one refuse the connection`,
        todo: `${wholeFile(leaf, issuer)}; then ${shower.renewal}`,
      };
    },
  },
];

const wholeFile = (
  leaf: X509Certificate,
  issuer: Issuer | undefined,
): string =>
  issuer?.file === undefined
    ? "a file with the certificate and its intermediates, such as fullchain.pem"
    : startsWith(issuer.file, leaf)
      ? `name ${issuer.file}, which has both`
      : `a file with the certificate, and behind it what is in ${issuer.file}`;

const startsWith = (file: string, leaf: X509Certificate): boolean =>
  certificatesIn(file)[0]?.fingerprint256 === leaf.fingerprint256;

/** A certificate, a key, and what is wrong with each, whatever is wrong with the other. */
export function lookAtPair(files: CertificateFiles, shower: Shower): Finding[] {
  const { key, cert } = files;
  const pair = read(() => readCertificate(files));
  const chain = read(() => readChain(cert));
  const misfits =
    pair instanceof TlsFileError
      ? [fileFinding(shower.where, pair.message, files)]
      : [];
  return [
    ...misfits,
    ...(misfits.length > 0 && chain instanceof TlsFileError
      ? []
      : lookAtChain(cert, chain, shower)),
    ...lookAtKey(key, shower),
  ];
}

/** A certificate, whatever its key is. */
export const lookAtCertificate = (file: string, shower: Shower): Finding[] =>
  lookAtChain(
    file,
    read(() => readChain(file)),
    shower,
  );

function lookAtChain(
  file: string,
  chain: ReturnType<typeof readChain> | TlsFileError,
  shower: Shower,
): Finding[] {
  if (chain instanceof TlsFileError)
    return [fileFinding(shower.where, chain.message)];
  const [leaf, ...further] = chain;
  return look(
    shower.where,
    { file, shower, leaf, issuer: issuerOf(leaf, file, further, shower) },
    CHAIN_CHECKS,
  );
}

/** Authorities by which somebody tells whom to trust. Old ones among them do no harm. */
export function lookAtAuthorities(file: string, shower: Shower): Finding[] {
  const chain = read(() => readChain(file));
  if (chain instanceof TlsFileError)
    return [fileFinding(shower.where, chain.message)];
  const [first, ...further] = chain;
  const youngest = further.reduce(
    (one, other) => (expiryOf(other) > expiryOf(one) ? other : one),
    first,
  );
  const what = ageOf(file, youngest);
  if (!what) return [];
  const todo = `the authority's new certificate, then ${shower.renewal}`;
  return [{ code: "tls-expires", where: shower.where, what, todo }];
}

export function lookAtKey(file: string, { where, reader }: Shower): Finding[] {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o004) === 0) return [];
  return [
    {
      code: "tls-key-readable",
      where,
      what: `all users of the machine can read the key ${file}`,
      todo: `chmod 640, and ${reader}`,
    },
  ];
}

/** What is wrong with those of the settings. */
export function lookAtTls({ settings }: Setup): Finding[] {
  const tls = tlsOf(settings);
  const shower: Shower = {
    where: "tlsCert",
    renewal: "kill -HUP to the supervisor",
    reader: "the group of the user that eddy runs as",
    authorities: tls?.ca === undefined ? [] : [tls.ca],
  };
  const all = tls === undefined ? [] : [tls, ...(tls.sni ?? [])];
  const found = [
    ...all
      .filter(({ key }) => key !== undefined)
      .flatMap((files) => lookAtPair(files, shower)),
    ...shower.authorities.flatMap((file) =>
      lookAtAuthorities(file, { ...shower, where: "tlsCa" }),
    ),
  ];
  try {
    readCertificates(settings);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    if (!found.some(({ what }) => what === error.message))
      found.push(fileFinding("tlsCert", error.message));
  }
  return found;
}

/** `look` at files that another machine may have, or another user: those that cannot be read here are noted alone. */
export function lookAtFrontFiles(
  files: readonly string[],
  where: string,
  action: () => Finding[],
): Pick<Look, "findings" | "notes"> {
  const closed = files.find((file) => !isReadable(file));
  return closed === undefined
    ? { findings: action(), notes: [] }
    : {
        findings: [],
        notes: [
          `${where}: ${closed} cannot be read here, and was not looked at`,
        ],
      };
}

export function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** What it gives, or what is wrong with a file. */
function read<T>(action: () => T): T | TlsFileError {
  try {
    return action();
  } catch (error) {
    if (error instanceof TlsFileError) return error;
    throw error;
  }
}

/** None in one that cannot be read. */
function certificatesIn(file: string): readonly X509Certificate[] {
  const chain = read(() => readChain(file));
  return chain instanceof TlsFileError ? [] : chain;
}

const fileFinding = (
  where: string,
  what: string,
  { cert, key }: Partial<CertificateFiles> = {},
): Finding => ({
  code: "tls-files",
  where,
  what,
  todo: / is not that of the certificate /.test(what)
    ? `the key that belongs to it: openssl x509 -noout -pubkey -in ${cert} prints the same as openssl pkey -pubout -in ${key}`
    : /passphrase/.test(what)
      ? "the passphrase of the key"
      : "a file in PEM that its reader may read: openssl x509 -noout -text -in FILE shows what is in it",
});

const expiryOf = ({ validTo }: X509Certificate): number => Date.parse(validTo);

function ageOf(
  name: string,
  { validFrom, validTo }: X509Certificate,
): string | false {
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  const days = Math.floor((to - Date.now()) / DAY_MS);
  if (days < 0) return `${name} has expired on ${validTo}`;
  if (from > Date.now()) return `${name} is not valid before ${validFrom}`;
  return days < EARLY_DAYS && `${name} expires in ${days} days, on ${validTo}`;
}

/** It has signed itself. */
const isRoot = (one: X509Certificate): boolean => one.checkIssued(one);

/** In the file itself, among the authorities, beside the file, or among those that Node.js knows. */
function issuerOf(
  leaf: X509Certificate,
  file: string,
  further: readonly X509Certificate[],
  { authorities }: Shower,
): Issuer | undefined {
  const within = further.find((one) => leaf.checkIssued(one));
  if (within !== undefined || isRoot(leaf))
    return { certificate: within ?? leaf, file };
  const elsewhere = [...authorities, ...besides(file)].flatMap((other) =>
    certificatesIn(other)
      .filter((one) => leaf.checkIssued(one))
      .map((certificate): Issuer => ({ certificate, file: other })),
  );
  if (elsewhere.length > 0)
    return elsewhere.find((one) => startsWith(one.file!, leaf)) ?? elsewhere[0];
  const root = rootCertificates
    .map((pem) => new X509Certificate(pem))
    .find((one) => leaf.checkIssued(one));
  return root && { certificate: root, file: undefined };
}

const besides = (file: string): string[] =>
  readdirSync(dirname(file))
    .filter((name) => /\.(pem|crt|cer)$/.test(name))
    .map((name) => join(dirname(file), name))
    .filter(
      (path) =>
        path !== file && statSync(path, { throwIfNoEntry: false })?.isFile(),
    );
