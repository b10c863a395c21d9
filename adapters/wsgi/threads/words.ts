/** The words that a thread reads while its application runs, as the loop writes them. */
import { WORD, WORDS_BYTES, type Stop } from "./protocol.ts";

export class Words {
  readonly memory = new SharedArrayBuffer(WORDS_BYTES);
  readonly #words = new Int32Array(this.memory);

  /** Claims all requests up to `last`, so that the thread begins none of them, and gives the last that it had claimed itself. */
  claim(last: number): number {
    let before = Atomics.load(this.#words, WORD.claimed);
    for (;;) {
      const now = Atomics.compareExchange(
        this.#words,
        WORD.claimed,
        before,
        last,
      );
      if (now === before) return before;
      before = now; // the thread was faster, and has begun one more
    }
  }

  /** Request `id` was begun, or taken back. */
  isClaimed(id: number): boolean {
    return ((Atomics.load(this.#words, WORD.claimed) - id) | 0) >= 0;
  }

  /** Request `id` is to end early. */
  stop(id: number, why: Stop): void {
    this.#tell(WORD.stop, why, WORD.stopped, id);
  }

  /** How much of the reply to request `id` the client has taken. */
  taken(id: number, taken: number): void {
    this.#tell(WORD.taken, taken, WORD.takenOf, id);
  }

  /** There is something that a sleeping thread may wait for. */
  wake(): void {
    Atomics.add(this.#words, WORD.events, 1);
    Atomics.notify(this.#words, WORD.events);
  }

  /** The number comes last: a thread that sees its own reads what belongs to it. */
  #tell(word: number, value: number, of: number, id: number): void {
    Atomics.store(this.#words, word, value);
    Atomics.store(this.#words, of, id);
    this.wake();
  }
}
