/** What the sockets of a place, or of a loop, came to. */
import type { Message } from "./reading.ts";

/** Since the start, but for `open` and `subscriptions`. Plain data, which several processes can add up. */
export interface PlaceCounts {
  /** Connections that are open, and those that have closed and whose handler still runs. */
  open: number;
  opened: number;
  /** Of those that are open, to topics: a socket with two topics counts twice. */
  subscriptions: number;
  received: number;
  receivedBytes: number;
  /** What was published counts once for each subscriber here, and what was dropped counts, too. */
  sent: number;
  sentBytes: number;
  /** Messages that slow clients have lost (`slow: "drop"`). */
  dropped: number;
  /** Clients that were closed because they were too far behind (`slow: "close"`). */
  closedAsSlow: number;
}

/** Of all sockets of a loop. */
export interface SocketCounts extends PlaceCounts {
  /** Published messages that have not got to the sockets of other processes. */
  lost: number;
}

/** Of none yet. */
export const noCounts = (): PlaceCounts => ({
  open: 0,
  opened: 0,
  subscriptions: 0,
  received: 0,
  receivedBytes: 0,
  sent: 0,
  sentBytes: 0,
  dropped: 0,
  closedAsSlow: 0,
});

/** Likewise. */
export const noSockets = (): SocketCounts => ({ ...noCounts(), lost: 0 });

const NAMES = Object.keys(noCounts()) as (keyof PlaceCounts)[];

/** The sums. */
export function addCounts(all: Iterable<PlaceCounts>): PlaceCounts {
  const sum = noCounts();
  for (const counts of all) for (const name of NAMES) sum[name] += counts[name];
  return sum;
}

/** How long a message is on the wire, its frame and compression aside. */
export const bytesOf = (message: Message): number =>
  typeof message === "string" ? Buffer.byteLength(message) : message.byteLength;
