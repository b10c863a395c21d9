/**
 * TLS of a listener on uWebSockets.js, whose apps keep the certificates that they were made with: one app accepts
 * connections and hands them, still unread, to another with the certificates of now. Those of earlier ones go on there.
 */
import { setImmediate } from "node:timers/promises";
import { UsageError } from "../../common/errors.ts";
import type { TlsOptions } from "../listen-options.ts";
import {
  readTls,
  TlsFileError,
  type Certificate,
  type Credentials,
} from "../tls-files.ts";
import { uws, type TemplatedApp } from "./load.ts";

/** Not in the typings. */
interface Handing extends TemplatedApp {
  getDescriptor(): unknown;
  addChildAppDescriptor(descriptor: unknown): void;
  removeChildAppDescriptor(descriptor: unknown): void;
}

/** Makes ready what serves: an app, and then routes for each name of a host. */
export interface Preparation {
  app(app: TemplatedApp): void;
  routes(app: TemplatedApp): void;
}

export class SecureApps {
  /** One for TLS: the engine takes the others for what this one is. */
  readonly acceptor: TemplatedApp;
  readonly #tls: TlsOptions;
  readonly #prepare: Preparation;
  /** That serve, the latest last. */
  readonly all: TemplatedApp[] = [];
  #credentials: Credentials;

  /**
   * @throws {TlsFileError} naming the file, and what is wrong.
   * @throws {UsageError} for what this engine cannot do.
   */
  constructor(tls: TlsOptions, prepare: Preparation) {
    if (tls.verifyClient !== undefined || tls.minVersion === "TLSv1.3")
      throw new UsageError(
        'the engine "uws" asks clients for no certificates, and cannot do without TLS 1.2; take the engine "node", or "auto"',
      );
    this.#tls = tls;
    this.#prepare = prepare;
    this.#credentials = readTls(tls);
    const app = this.#make(this.#credentials);
    this.acceptor = uws.SSLApp({}); // not before nothing can fail any more: the engine keeps those that nobody closes
    this.#use(app);
  }

  get certificates(): readonly Certificate[] {
    return this.#credentials.certificates;
  }

  /** @throws {TlsFileError} and all stays as it is. What it gives puts the files, as they are now, to use. */
  renewal(): () => void {
    const credentials = readTls(this.#tls);
    const app = this.#make(credentials);
    return () => {
      this.#credentials = credentials;
      this.#use(app);
    };
  }

  /** Done when those are open that had been accepted: an app gets them in the next turn of the loop. */
  async handedOver(): Promise<void> {
    await setImmediate();
    await setImmediate(); // the first may come before the poll phase of this turn
  }

  close(): void {
    this.acceptor.close();
    for (const app of this.all) app.close();
  }

  #use(app: TemplatedApp): void {
    const acceptor = this.acceptor as Handing;
    const before = this.all.at(-1) as Handing | undefined;
    acceptor.addChildAppDescriptor((app as Handing).getDescriptor());
    if (before !== undefined)
      acceptor.removeChildAppDescriptor(before.getDescriptor());
    this.all.push(app);
  }

  #make({ certificates, ciphers }: Credentials): TemplatedApp {
    const optionsOf = ({ files, passphrase }: Certificate): object => ({
      key_file_name: files.key,
      cert_file_name: files.cert,
      ...(passphrase !== undefined && { passphrase }),
      ssl_ciphers: ciphers,
    });
    const [first, ...further] = certificates;
    for (const certificate of further)
      appOf(optionsOf(certificate), certificate).close(); // by a name alone, it would not say that it does not take it
    const app = appOf(optionsOf(first), first);
    this.#prepare.app(app);
    this.#prepare.routes(app);
    for (const certificate of further)
      for (const name of certificate.names) {
        app.addServerName(name, optionsOf(certificate));
        this.#prepare.routes(app.domain(name)); // of its own for each
      }
    return app;
  }
}

/** What works for OpenSSL may be none for BoringSSL, which this engine has: a cipher, or how a key is encrypted. */
function appOf(options: object, { files }: Certificate): TemplatedApp {
  try {
    return uws.SSLApp(options);
  } catch (cause) {
    throw new TlsFileError(
      `the engine "uws" does not take the TLS key ${files.key} and certificate ${files.cert}, or the ciphers; the engine "node" does`,
      { cause },
    );
  }
}
