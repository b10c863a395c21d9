/**
 * The requests that are next, in memory that the loop and all threads of a pool share. A thread that has done one takes
 * the next by itself: so under load nobody has to be woken for each request, and none waits behind another one while
 * some thread is free.
 *
 * A slot's state says whose it is: a positive number is a request that anybody may take, a negative one a thread that
 * is about to begin it. It changes by compare-and-exchange alone, so that each request is taken once.
 */
import type { SharedFlags } from "./shared-flags.ts";

/** Enough to keep threads busy until the loop comes round again. */
const SLOTS = 32;

/** What most requests need for their head, and small bodies. */
const SLOT_BYTES = 8 * 1024;

const FREE = 0;

/** After the last request's number comes 1 again. */
const LAST_ID = 2 ** 31 - 1;

/** Where in a slot's words is what, and how many there are. */
const WORD = { id: 0, headLength: 1, bodyLength: 2, complete: 3 } as const;
const WORDS = 4;

const STATES_BYTES = 4 * SLOTS;
const WORDS_BYTES = 4 * WORDS * SLOTS;

/** In place of a length: it is not here, or there is none. */
const NONE = -1;

/** What is there of a request's body, and whether that is all. */
export interface BodyStart {
  readonly bytes: Uint8Array;
  readonly complete: boolean;
}

/** A request as a thread gets it. */
export interface QueuedRequest {
  readonly id: number;
  /** Missing when it was too long: then the loop is asked for it. */
  readonly head: string | undefined;
  /** Missing where there is no body. */
  readonly body: BodyStart | undefined;
}

export class SharedQueue {
  readonly memory: SharedArrayBuffer;
  /** Close together: all are looked at for each request. */
  readonly #states: Int32Array;
  readonly #words: Int32Array;
  readonly #bytes: Buffer;
  #lastId = 0;

  constructor(
    memory = new SharedArrayBuffer(
      STATES_BYTES + WORDS_BYTES + SLOT_BYTES * SLOTS,
    ),
  ) {
    this.memory = memory;
    this.#states = new Int32Array(memory, 0, SLOTS);
    this.#words = new Int32Array(memory, STATES_BYTES, WORDS * SLOTS);
    this.#bytes = Buffer.from(memory, STATES_BYTES + WORDS_BYTES);
  }

  get isEmpty(): boolean {
    return this.#first() === undefined;
  }

  /** The loop: puts a request behind the others, and gives its number; undefined when there is no room. `startOf` gives what of the body there is, if it has at most so many bytes. */
  put(
    head: string,
    startOf?: (maxBytes: number) => BodyStart,
  ): number | undefined {
    const slot = this.#states.indexOf(FREE);
    if (slot < 0) return undefined;
    const at = slot * SLOT_BYTES;
    const written = this.#bytes.write(head, at, SLOT_BYTES);
    const fits = written <= SLOT_BYTES - 4; // what is cut leaves less room than a character takes
    const headLength = fits ? written : 0;
    const body = startOf?.(SLOT_BYTES - headLength);
    if (body !== undefined) this.#bytes.set(body.bytes, at + headLength);
    const id = this.#lastId === LAST_ID ? 1 : this.#lastId + 1;
    const words = this.#words;
    words[slot * WORDS + WORD.id] = id;
    words[slot * WORDS + WORD.headLength] = fits ? written : NONE;
    words[slot * WORDS + WORD.bodyLength] = body?.bytes.length ?? NONE;
    words[slot * WORDS + WORD.complete] = Number(body?.complete);
    Atomics.store(this.#states, slot, id); // now it can be taken
    return (this.#lastId = id);
  }

  /** The loop: takes request `id` out again. False: a thread has taken it. */
  withdraw(id: number): boolean {
    const slot = this.#states.indexOf(id);
    return slot >= 0 && this.#change(slot, id, FREE);
  }

  /** The loop: the number of the thread that is about to begin request `id`. */
  takerOf(id: number): number | undefined {
    for (let slot = 0; slot < SLOTS; slot++) {
      const state = Atomics.load(this.#states, slot);
      if (state < 0 && this.#idOf(slot) === id) return -state;
    }
    return undefined;
  }

  /** The loop: `thread` is gone; what it was about to begin is for others. */
  restore(thread: number): void {
    for (let slot = 0; slot < SLOTS; slot++)
      this.#change(slot, -thread, this.#idOf(slot));
  }

  /** A thread: begins the first request, by its flags, too. Undefined when there is none, or the thread may not begin any. */
  take(thread: number, flags: SharedFlags): QueuedRequest | undefined {
    for (;;) {
      const slot = this.#first();
      if (slot === undefined) return undefined;
      const id = this.#idOf(slot);
      if (!this.#change(slot, id, -thread)) continue; // somebody else was faster
      if (flags.begin(id)) return this.#read(slot, id);
      this.#change(slot, -thread, id);
      return undefined;
    }
  }

  #read(slot: number, id: number): QueuedRequest {
    const at = slot * SLOT_BYTES;
    const headLength = this.#words[slot * WORDS + WORD.headLength]!;
    const bodyLength = this.#words[slot * WORDS + WORD.bodyLength]!;
    const complete = this.#words[slot * WORDS + WORD.complete] === 1;
    const headEnd = at + Math.max(headLength, 0);
    const head =
      headLength === NONE
        ? undefined
        : this.#bytes.toString("utf8", at, headEnd);
    const body =
      bodyLength === NONE
        ? undefined
        : {
            bytes: new Uint8Array(
              this.#bytes.subarray(headEnd, headEnd + bodyLength),
            ), // a copy
            complete,
          };
    Atomics.store(this.#states, slot, FREE);
    return { id, head, body };
  }

  /** The slot of the request that has waited longest. */
  #first(): number | undefined {
    let first: number | undefined;
    let firstId = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      const id = Atomics.load(this.#states, slot);
      if (id <= FREE || (first !== undefined && !isBefore(id, firstId)))
        continue;
      first = slot;
      firstId = id;
    }
    return first;
  }

  #idOf(slot: number): number {
    return this.#words[slot * WORDS + WORD.id]!;
  }

  #change(slot: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#states, slot, from, to) === from;
  }
}

/** Also where the numbers have begun anew in between. */
function isBefore(id: number, other: number): boolean {
  return (id - other) << 1 < 0;
}
