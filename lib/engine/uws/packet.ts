/**
 * The packet of requests that the engine works on.
 *
 * The engine collects in its cork what the requests of one packet are answered, and sends it when it has called back
 * for the last of them.
 *
 * What does not fit the cork would leave in a system call for each piece of a reply, and a client with thousands of
 * requests in a packet would keep the others waiting. A cork of one's own puts that right, and is dear. So what is
 * written is counted, and only what may be beyond the engine's cork gets one.
 */

import { Connections } from "../connections.ts";
import type { Keeping } from "./reply-head.ts";

/** The engine's `CORK_BUFFER_SIZE`. */
export const CORK_BYTES = 16 * 1024;

/** Status line and header fields of a plain reply, those of the engine among them: some 180 bytes. */
const HEAD_BYTES = 210;

export class Packet {
  readonly keeping: Keeping;
  /** Connections that are over but for their clients, who are still sending. */
  readonly lingering = new Connections();
  /** Bytes since the last look: of this packet, or also of earlier ones, which does no harm. */
  #bytes = 0;
  #sample = 0;
  #turn = 0;
  #turnIsNew = true;

  constructor(keeping: Keeping) {
    this.keeping = keeping;
  }

  /**
   * Whether the engine's cork holds a plain reply with a body of so many bytes, too. To be asked in the route
   * callback.
   */
  holds(bodyBytes: number): boolean {
    const before = this.#bytes;
    this.#bytes += HEAD_BYTES + bodyBytes;
    if (before < CORK_BYTES / 2 && this.#bytes >= CORK_BYTES / 2)
      // the packet is answered by then; rare, so that a single reply needs no timer
      setImmediate(() => (this.#bytes = 0));
    return this.#bytes <= CORK_BYTES;
  }

  /** Numbers the turns of the loop in which somebody asks. What has the same number belongs to one turn. */
  get turn(): number {
    if (this.#turnIsNew) {
      this.#turnIsNew = false;
      setImmediate(() => {
        this.#turnIsNew = true;
        this.#turn++;
      });
    }
    return this.#turn;
  }

  /**
   * True for one call in sixteen, spread so that no pattern of requests meets always the same ones (a Weyl sequence).
   */
  samples(): boolean {
    this.#sample = (this.#sample + GOLDEN_RATIO) >>> 0;
    return this.#sample < 2 ** 28;
  }
}

/** Of 2 ** 32. */
const GOLDEN_RATIO = 0x9e37_79b9;
