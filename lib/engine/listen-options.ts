/** Where to listen, as somebody asks for it. */
import { Server } from "node:net";
import {
  checkOptions,
  oneOf,
  SWITCH,
  TEXT,
  type Rule,
} from "../common/checked-options.ts";
import { UsageError } from "../common/errors.ts";

/** `auto`: uWebSockets.js where it loads, or else Node's own HTTP. */
export type EngineChoice = "uws" | "node" | "auto";

export const ENGINE_CHOICES: readonly EngineChoice[] = ["uws", "node", "auto"];

/** Where to listen. */
export interface ListenOptions {
  /**
   * 0 takes any free port; the address tells which.
   *
   * @default none: one of `port`, `unix`, `fd` and `uwsgi` says where
   */
  port?: number;
  /**
   * Of this machine, for `port`.
   *
   * @default all addresses of the machine, IPv4 and IPv6, as `node:http` has it
   */
  host?: string;
  /**
   * A path: listen on a Unix socket there, not on a port. A socket that a dead process left is replaced.
   *
   * @default none
   */
  unix?: string;
  /**
   * The number of a socket that this process has inherited: bound, or listening already, TCP or Unix. systemd passes
   * the first as 3 (sd_listen_fds(3)). It is the loop's from then on, which closes it in this process alone:
   * connections wait in it as long as another process has it, too. The engine is `node` then.
   *
   * @default none
   */
  fd?: number;
  /**
   * `host:port` or `unix:/path`: listen there for front servers that speak uwsgi, as nginx does with `uwsgi_pass`.
   * Whoever can connect is believed: see docs/uwsgi.md. Or a server of `node:net` whose connections are taken, and
   * which is closed with the loop.
   *
   * @default none
   */
  uwsgi?: string | Server;
  /**
   * Speak TLS: 1.2 with forward secrecy and authenticated ciphers, and 1.3 (RFC 9325). See docs/tls.md.
   *
   * @default none: plain HTTP, as behind a proxy
   */
  tls?: TlsOptions;
  /**
   * Other processes may listen on the same port if they share it, too; the kernel spreads the connections.
   *
   * @default false: a taken port is an error, because two programs that share one by mistake are hard to find
   */
  share?: boolean;
  /**
   * Speak HTTP/2, too. With `tls`, clients choose by ALPN; without it, by their first bytes ("prior knowledge"). The
   * engine is `node` then.
   *
   * @default false: a request costs more by HTTP/2 than by HTTP/1.1, and a proxy in front speaks it with browsers
   */
  http2?: boolean;
  /**
   * A client that has closed its side of the connection (a FIN) gets its reply. `false`: it has left, which halts what
   * waits. `true` needs the engine `node`, or `uwsgi`, where a front that has left then shows only when something is
   * written to it.
   *
   * @default `true` on `node`, because RFC 9112, section 9.6, lets clients do so; on `uws` it is always `false`; with
   * `uwsgi` it is `false`, because nginx leaves in this way when its client does
   */
  halfOpen?: boolean;
  /**
   * What speaks HTTP there.
   *
   * @default the option `engine` of the loop
   */
  engine?: EngineChoice;
}

/** A certificate and its key. */
export interface CertificateFiles {
  /** The path of a PEM file. */
  key: string;
  /** The path of a PEM file: the certificate, and behind it those between it and its authority. */
  cert: string;
  /** Of the key, where that is encrypted. */
  passphrase?: string;
  /** The path of a file whose first line is the passphrase. It is read anew with the others (`loop.reloadTls()`). */
  passphraseFile?: string;
}

/** How a listener speaks TLS. The certificate is for whoever asks for a name of none of those in `sni`. */
export interface TlsOptions extends CertificateFiles {
  /**
   * Further certificates, for clients that ask for one of the names in them (SNI; RFC 6066, section 3).
   *
   * @default none
   */
  sni?: readonly CertificateFiles[];
  /**
   * The ciphers of TLS 1.2, as OpenSSL lists them; all of TLS 1.3 are taken.
   *
   * @default those that RFC 9325, section 4.2, recommends: ECDHE with AES in GCM mode, or with ChaCha20.
   */
  ciphers?: string;
  /** The engine is `node` for "TLSv1.3". @default "TLSv1.2": RFC 9325, section 3.1.1. */
  minVersion?: TlsVersion;
  /**
   * Clients show a certificate, which `request.peerCertificate` gives. `require`: or they are not served; `optional`:
   * who has none is served as well. One that no authority in `ca` has signed is refused. The engine is `node` then.
   *
   * @default none: clients are not asked for one
   */
  verifyClient?: ClientVerification;
  /**
   * The path of a PEM file: the authorities that sign the certificates of clients.
   *
   * @default none; `verifyClient` needs it
   */
  ca?: string;
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

export const TLS_VERSIONS: readonly TlsVersion[] = ["TLSv1.2", "TLSv1.3"];

export type ClientVerification = "require" | "optional";

export const CLIENT_VERIFICATIONS: readonly ClientVerification[] = [
  "require",
  "optional",
];

/** RFC 9325, section 4.2: forward secrecy, and encryption that authenticates. */
export const CIPHERS = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":"); // one by one: Deno does not understand `ECDHE+AESGCM`

/** Whether they are there, the engine says. */
export const CIPHERS_RULE = [
  (value: unknown) =>
    typeof value === "string" && /^(?!.*TLS_)[\w+!:@=-]+$/.test(value),
  "a list as OpenSSL has it, such as ECDHE+AESGCM:ECDHE+CHACHA20, for TLS 1.2 (those of 1.3, TLS_…, are all taken)",
] as const satisfies Rule;

/** Is it something that only the engine `node` does? `auto` takes that then. */
export const needsNode = ({
  fd,
  http2,
  halfOpen,
  tls,
}: {
  fd?: number | undefined;
  http2?: boolean | undefined;
  halfOpen?: boolean | undefined;
  tls?: TlsOptions | undefined;
}): boolean =>
  fd !== undefined ||
  http2 === true ||
  halfOpen === true ||
  tls?.verifyClient !== undefined ||
  tls?.minVersion === "TLSv1.3";

/** Where a loop listens. */
export interface Address {
  /** For a browser or curl; `unix:/path` for a Unix socket. */
  readonly url: string;
  readonly port?: number;
  readonly host?: string;
  readonly unix?: string;
}

/** Of `uwsgi`, `uwsgi/listener.ts` finds out more. */
const RULES: Record<keyof ListenOptions, Rule> = {
  port: [
    (value) =>
      Number.isInteger(value) &&
      (value as number) >= 0 &&
      (value as number) <= 65_535,
    "a number from 0 to 65535",
  ],
  host: TEXT,
  unix: TEXT,
  fd: [
    (value) => Number.isInteger(value) && (value as number) >= 0,
    "the number of a file descriptor",
  ],
  uwsgi: [
    (value) => typeof value === "string" || value instanceof Server,
    '"host:port", "unix:/path" or a server of node:net',
  ],
  tls: [
    (value) => typeof value === "object" && value !== null,
    "{ key, cert, … }",
  ],
  share: SWITCH,
  http2: SWITCH,
  halfOpen: SWITCH,
  engine: oneOf(...ENGINE_CHOICES),
};

/** @throws {UsageError} for a target that is none. */
export function checkTarget(target: ListenOptions): void {
  const { port, unix, fd, uwsgi, tls } = checkOptions(
    target,
    RULES,
    "listen()",
  );
  if ([port, unix, fd, uwsgi].filter((it) => it !== undefined).length !== 1)
    throw new UsageError(
      "listen() takes a port, a unix socket's path, the fd of a socket, or an address for uwsgi",
    );
  if (tls !== undefined) checkTls(tls);
}

/** @throws {UsageError} that shows none of the values: what they are in place of paths may be secret. */
export function checkTls(tls: TlsOptions): void {
  refuseUnknown(tls, [...FILES, ...TLS_SETTINGS], "tls");
  checkFiles(tls, "tls");
  const { sni = [], ciphers, minVersion, verifyClient, ca } = tls;
  if (!Array.isArray(sni))
    throw new UsageError(
      "listen({ tls: { sni } }) takes a list of { key, cert, … }",
    );
  for (const files of sni as CertificateFiles[]) {
    refuseUnknown(files, FILES, "tls: { sni }");
    checkFiles(files, "tls: { sni }");
  }
  checkOptions(
    { ciphers, minVersion, verifyClient },
    SETTINGS_RULES,
    "listen({ tls })",
  );
  if ((ca === undefined) !== (verifyClient === undefined))
    throw new UsageError(
      "of listen({ tls }), verifyClient and ca go together: whether clients show a certificate, and who signs it",
    );
  if (ca !== undefined) checkPath(ca, "tls");
}

function refuseUnknown(
  given: object,
  names: readonly string[],
  where: string,
): void {
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new UsageError(
      `there is no option "${unknown}" of listen({ ${where} }), only ${names.join(", ")}`,
    );
}

function checkFiles(
  { key, cert, passphrase, passphraseFile }: CertificateFiles,
  where: string,
): void {
  checkPath(key, where);
  checkPath(cert, where);
  if (passphraseFile !== undefined) checkPath(passphraseFile, where);
  if (passphrase !== undefined && passphraseFile !== undefined)
    throw new UsageError(
      `of listen({ ${where} }), passphrase and passphraseFile are the same, and one is enough`,
    );
}

function checkPath(file: unknown, where: string): void {
  if (typeof file !== "string" || file.includes("-----BEGIN"))
    throw new UsageError(
      `listen({ ${where} }) takes the paths of PEM files, key and cert, and not what is in them`,
    );
}

const SETTINGS_RULES = {
  ciphers: CIPHERS_RULE,
  minVersion: oneOf(...TLS_VERSIONS),
  verifyClient: oneOf(...CLIENT_VERIFICATIONS),
};
const FILES = ["key", "cert", "passphrase", "passphraseFile"];
const TLS_SETTINGS = ["sni", "ciphers", "minVersion", "verifyClient", "ca"];
