/** TLS of a listener on Node's own HTTP. */
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  type TLSSocket,
  type TlsOptions as NodeTlsOptions,
} from "node:tls";
import type { TlsOptions } from "../listen-options.ts";
import { readTls, type Certificate, type Credentials } from "../tls-files.ts";

/** Node takes a list without one of them for a wish to do without TLS 1.3. */
const SUITES_OF_1_3 =
  "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

/** What the connections of a listener are secured by, which may be replaced. */
export class Secure {
  readonly #tls: TlsOptions;
  #credentials: Credentials;
  #names: ReadonlyMap<string, SecureContext>;

  /** @throws {TlsFileError} naming the file, and what is wrong. */
  constructor(tls: TlsOptions) {
    this.#tls = tls;
    this.#credentials = readTls(tls);
    this.#names = this.#namesOf(this.#credentials);
  }

  get certificates(): readonly Certificate[] {
    return this.#credentials.certificates;
  }

  /** For a server of TLS, of whatever speaks by it. */
  get options(): NodeTlsOptions {
    const { verifyClient } = this.#tls;
    return {
      ...this.#contextOf(this.#credentials.certificates[0], this.#credentials),
      SNICallback: (name, done) => done(null, this.#find(name.toLowerCase())),
      requestCert: verifyClient !== undefined,
      rejectUnauthorized: verifyClient === "require",
    };
  }

  /** Who has shown a certificate that nobody vouches for is not served; only that there is none may be right. */
  guard(server: Server): void {
    if (this.#tls.verifyClient !== "optional") return;
    server.prependListener("secureConnection", (socket: TLSSocket) => {
      if (!socket.authorized && socket.getPeerX509Certificate() !== undefined)
        socket.destroy();
    });
  }

  /** @throws {TlsFileError} and all stays as it is. What it gives puts the files, as they are now, to use. */
  renewal(server: Server): () => void {
    const credentials = readTls(this.#tls);
    const names = this.#namesOf(credentials);
    return () => {
      this.#credentials = credentials;
      this.#names = names;
      server.setSecureContext(
        this.#contextOf(credentials.certificates[0], credentials),
      );
    };
  }

  #namesOf(credentials: Credentials): ReadonlyMap<string, SecureContext> {
    const names = new Map<string, SecureContext>();
    for (const certificate of credentials.certificates.slice(1)) {
      const context = createSecureContext(
        this.#contextOf(certificate, credentials),
      );
      for (const name of certificate.names) names.set(name, context);
    }
    return names;
  }

  #contextOf(
    { key, cert, passphrase }: Certificate,
    { ciphers, ca }: Credentials,
  ): SecureContextOptions {
    return {
      key,
      cert,
      ...(passphrase !== undefined && { passphrase }),
      ...(ca !== undefined && { ca }),
      ciphers: `${SUITES_OF_1_3}:${ciphers}`,
      minVersion: this.#tls.minVersion ?? "TLSv1.2",
    };
  }

  /** A wildcard stands for one label (RFC 9525, section 6.3). Undefined: the first certificate is shown. */
  #find(name: string): SecureContext | undefined {
    return (
      this.#names.get(name) ?? this.#names.get(name.replace(/^[^.]+/, "*"))
    );
  }
}
