/**
 * Whether the engine's cork still holds what is written.
 *
 * The engine collects what the requests of one packet are answered, up to 16 KiB; what comes behind those would leave in
 * a system call for each piece of a reply, and a client with thousands of requests in a packet would keep the others
 * waiting. A cork of one's own puts that right, but costs as much as all other calls of a small reply. So what is
 * written is counted, and only what may be beyond the engine's cork gets one.
 */

/** The engine's `CORK_BUFFER_SIZE`. */
export const CORK_BYTES = 16 * 1024;

/** Status line and header fields of a plain reply, those of the engine among them: some 130 bytes. */
const HEAD_BYTES = 160;

export class Cork {
  /** Bytes since the last look: of this packet, or also of earlier ones, which does no harm. */
  #bytes = 0;

  /** Whether it holds a plain reply with a body of so many bytes, too. To be asked in the route callback. */
  takes(bodyBytes: number): boolean {
    const before = this.#bytes;
    this.#bytes += HEAD_BYTES + bodyBytes;
    if (before < CORK_BYTES / 2 && this.#bytes >= CORK_BYTES / 2)
      setImmediate(() => (this.#bytes = 0)); // the packet is answered by then; rarely, as it costs more than it saves a single reply
    return this.#bytes <= CORK_BYTES;
  }
}
