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
  /** 0 takes any free port; the address tells which. */
  port?: number;
  /** Default: all addresses of the machine, IPv4 and IPv6. */
  host?: string;
  /** A path: listen on a Unix socket there, not on a port. A socket that a dead process left is replaced. */
  unix?: string;
  /**
   * `host:port` or `unix:/path`: listen there for front servers that speak uwsgi, as nginx does with `uwsgi_pass`.
   * Whoever can connect is believed: see docs/uwsgi.md. Or a server of `node:net` whose connections are taken, and
   * which is closed with the loop.
   */
  uwsgi?: string | Server;
  /** Speak TLS. */
  tls?: TlsOptions;
  /**
   * Other processes may listen on the same port if they share it, too; the kernel spreads the connections. Default
   * `false`: a taken port is an error.
   */
  share?: boolean;
  /**
   * Speak HTTP/2, too. With `tls`, clients choose by ALPN; without it, by their first bytes ("prior knowledge"). The
   * engine is `node` then.
   */
  http2?: boolean;
  /** What speaks HTTP there: see the option `engine` of the loop, which is the default. */
  engine?: EngineChoice;
}

/** Paths of PEM files. */
export interface TlsOptions {
  key: string;
  cert: string;
  /** Of the key. */
  passphrase?: string;
}

/** Where a loop listens. */
export interface Address {
  /** For a browser or curl; `unix:/path` for a Unix socket. */
  readonly url: string;
  readonly port?: number;
  readonly host?: string;
  readonly unix?: string;
}

/** Of `uwsgi`, `uwsgi/server.ts` finds out more. */
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
  uwsgi: [
    (value) => typeof value === "string" || value instanceof Server,
    '"host:port", "unix:/path" or a server of node:net',
  ],
  tls: [
    (value) => typeof value === "object" && value !== null,
    "{ key, cert, passphrase? }",
  ],
  share: SWITCH,
  http2: SWITCH,
  engine: oneOf(...ENGINE_CHOICES),
};

/** @throws {UsageError} for a target that is none. */
export function checkTarget(target: ListenOptions): void {
  const { port, unix, uwsgi, tls } = checkOptions(target, RULES, "listen()");
  if ([port, unix, uwsgi].filter((it) => it !== undefined).length !== 1)
    throw new UsageError(
      "listen() takes a port, a unix socket's path, or an address for uwsgi",
    );
  if (tls !== undefined) checkTls(tls);
}

/** Shows none of the values: what they are in place of paths may be secret. */
function checkTls(tls: TlsOptions): void {
  const unknown = Object.keys(tls).find((name) => !TLS_OPTIONS.includes(name));
  if (unknown !== undefined)
    throw new UsageError(
      `there is no option "${unknown}" of listen({ tls }), only ${TLS_OPTIONS.join(", ")}`,
    );
  for (const file of [tls.key, tls.cert])
    if (typeof file !== "string" || file.includes("-----BEGIN"))
      throw new UsageError(
        "listen({ tls }) takes the paths of two PEM files, key and cert, and not what is in them",
      );
}

const TLS_OPTIONS = ["key", "cert", "passphrase"];
