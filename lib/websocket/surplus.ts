/**
 * What engines have read beyond `maxQueuedBytes`. None can be stopped within what it reads at once, which is all that
 * the systems of both sides hold, and of a client that sends as fast as it is read whatever that sends.
 */

/** Bytes that each socket may have of it, whatever the others have. */
const EACH = 8 * 1024 * 1024;

/** Bytes of all together, beyond which none may have more than those. */
const ALL = 64 * 1024 * 1024;

/** Of all sockets of a loop. */
export class Surplus {
  #bytes = 0;

  /** Whether a socket with so many bytes of it is to have no more. */
  isUsedUp(ownBytes: number): boolean {
    return ownBytes > EACH && this.#bytes > ALL;
  }

  /** A socket has so many bytes in place of so many before. */
  change(before: number, now: number): void {
    this.#bytes += now - before;
  }
}
