/**
 * The connections of a loop, on all of its listeners: how many there are, of whom there are too many, and how many
 * ended without a request that was understood.
 */
import type { Logger } from "../common/log.ts";
import { LogThrottle } from "../common/log-throttle.ts";
import { connectionsByPeer } from "./peers.ts";
import { SpareFiles } from "./spare-files.ts";

export interface ConnectionCounts {
  /** Now. */
  readonly open: number;
  /** Closed at once: their client had `maxConnectionsPerClient` already, or no file descriptor was left. */
  readonly refused: number;
  /** Ended before a request was understood. */
  readonly unserved: number;
}

interface VisitOptions {
  /** Connections of one address to a port. */
  readonly most: number;
  /** An address that many clients share, as a proxy's. */
  readonly isShared: (address: string) => boolean;
}

const ANY: VisitOptions = { most: Infinity, isShared: () => true };

/** Milliseconds between two lines of the log that say the same. */
const QUIET_MS = 60_000;

/**
 * A look at what the kernel has takes milliseconds where there are thousands: at most so much of the time is for it.
 */
const LOOKING = 0.1;

/** Addresses that are remembered between two looks. */
const MOST_ADDRESSES = 10_000;

export class Visits {
  open = 0;
  refused = 0;
  unserved = 0;
  readonly #log: Logger;
  readonly #options: VisitOptions;
  readonly #ports = new Map<number, PeerCounts>();
  readonly #files = new SpareFiles((exhausted) => this.#noteFiles(exhausted));
  readonly #fileLines = new LogThrottle(QUIET_MS);
  readonly #refusedLines = new LogThrottle(QUIET_MS);
  readonly #unservedLines = new LogThrottle(QUIET_MS);

  constructor(log: Logger, options = ANY) {
    this.#log = log;
    this.#options = options;
  }

  get counts(): ConnectionCounts {
    const { open, refused, unserved } = this;
    return { open, refused, unserved };
  }

  /** Looks after file descriptors, until `stop`. */
  start(): void {
    this.#files.start();
  }

  stop(): void {
    this.#files.stop();
  }

  #noteFiles(exhausted: boolean): void {
    if (exhausted && this.#fileLines.next() > 0)
      this.#log.error(
        "no file descriptor is left: new connections are closed until there are some; raise the limit (ulimit -n, LimitNOFILE), or look who keeps files open",
      );
    else if (!exhausted)
      this.#log.info({ refused: this.refused }, "there are file descriptors");
  }

  /** False: there are too many of this address, or no file descriptor is left, and one more is not served. */
  admits(address: string, port: number | undefined): boolean {
    if (this.#files.exhausted) {
      this.refused++;
      return false;
    }
    const { most, isShared } = this.#options;
    if (most === Infinity || port === undefined || isShared(address))
      return true;
    let peers = this.#ports.get(port);
    if (peers === undefined)
      this.#ports.set(port, (peers = new PeerCounts(port)));
    if (peers.admits(address, most, this.open)) return true;
    this.refused++;
    const refused = this.#refusedLines.next();
    if (refused > 0)
      this.#log.warn(
        { refused, peer: address },
        `${address} has ${most} connections (maxConnectionsPerClient); further ones are closed`,
      );
    return false;
  }

  /** A connection has ended without a request that was understood. `cause`: a further one, with its comma. */
  noteUnserved(peer: string, cause: string): void {
    this.unserved++;
    const connections = this.#unservedLines.next();
    if (connections > 0)
      this.#log.info(
        { connections, peer },
        `${connections === 1 ? "a connection" : `${connections} connections`} ended without a request that could be understood, the last one of ${peer || "a Unix socket"}: ` +
          `a check that only connects does that; else it may be ${cause}TLS on a plain port or the other way round, or a request without a Host`,
      );
  }
}

/** Counts what comes. What has gone shows when the kernel is asked: where somebody seems to have too many. */
class PeerCounts {
  readonly #port: number;
  #counts = new Map<string, number>();
  #nextLook = -Infinity;

  constructor(port: number) {
    this.#port = port;
  }

  /** One more, which the kernel has already; `open`: with those of others. False: it is too many. */
  admits(address: string, most: number, open: number): boolean {
    const count = Math.min(this.#of(address) + 1, open);
    if (count <= most && this.#counts.size < MOST_ADDRESSES) {
      this.#counts.set(address, count);
      return true;
    }
    if (!this.#look()) return false;
    const found = this.#of(address);
    if (found <= most) return true;
    this.#counts.set(address, found - 1); // without the one that is closed now
    return false;
  }

  #of(address: string): number {
    return this.#counts.get(address) ?? 0;
  }

  /** False: it is too early for that. */
  #look(): boolean {
    const now = performance.now();
    if (now < this.#nextLook) return false;
    this.#counts = connectionsByPeer(this.#port) ?? new Map();
    const tookMs = performance.now() - now;
    this.#nextLook = now + tookMs / LOOKING;
    return true;
  }
}
