/**
 * The requests that are next, in memory that the loop and all threads of a pool share. A thread that has done one takes
 * the next by itself: so under load nobody has to be woken for each request, and none waits behind another one while
 * some thread is free.
 *
 * A slot belongs to the request whose number is in `ids`. Whoever exchanges that number for FREE has the request: a
 * thread to serve it, or the loop to withdraw it.
 */
import type { SharedFlags } from "./shared-flags.ts";

/** Enough to keep threads busy until the loop comes round again. */
const SLOTS = 32;

/** What most requests need for their head and a small body. */
const SLOT_BYTES = 8 * 1024;

const FREE = 0;

/** After the last request's number comes 1 again. */
const LAST_ID = 2 ** 31 - 1;

/** In place of a length: there is none; or it is not here, and the loop is to be asked for it. */
const NONE = -1;
const ELSEWHERE = -2;

/** A request as a thread gets it. */
export interface QueuedRequest {
  readonly id: number;
  /** Null when it was too long. */
  readonly head: string | null;
  /** All of it; null where it has to be pulled; undefined where there is none. */
  readonly body: Uint8Array | null | undefined;
}

export class SharedQueue {
  readonly memory: SharedArrayBuffer;
  readonly #ids: Int32Array;
  /** Of head and body, for each slot. */
  readonly #lengths: Int32Array;
  readonly #slots: Buffer[];
  #lastId = 0;

  constructor(memory = new SharedArrayBuffer(SLOTS * (12 + SLOT_BYTES))) {
    this.memory = memory;
    this.#ids = new Int32Array(memory, 0, SLOTS);
    this.#lengths = new Int32Array(memory, 4 * SLOTS, 2 * SLOTS);
    this.#slots = Array.from({ length: SLOTS }, (_, slot) =>
      Buffer.from(memory, 12 * SLOTS + slot * SLOT_BYTES, SLOT_BYTES),
    );
  }

  get isEmpty(): boolean {
    return this.#first() < 0;
  }

  /** The loop: puts a request behind the others, and gives its number; undefined when there is no room. */
  put(head: string, body?: Uint8Array | null): number | undefined {
    const slot = this.#ids.indexOf(FREE);
    if (slot < 0) return undefined;
    const bytes = this.#slots[slot]!;
    const written = bytes.write(head);
    const isWhole = written <= SLOT_BYTES - 4; // what is cut leaves less room than a character takes
    const headEnd = isWhole ? written : 0;
    const fits = body && body.length <= SLOT_BYTES - headEnd;
    if (fits) bytes.set(body, headEnd);
    const bodyLength = body === undefined ? NONE : ELSEWHERE;
    this.#lengths[2 * slot] = isWhole ? written : ELSEWHERE;
    this.#lengths[2 * slot + 1] = fits ? body.length : bodyLength;
    this.#lastId = this.#lastId === LAST_ID ? 1 : this.#lastId + 1;
    Atomics.store(this.#ids, slot, this.#lastId); // now it can be taken
    return this.#lastId;
  }

  /** The loop: takes request `id` out again. False: a thread has taken it. */
  withdraw(id: number): boolean {
    const slot = this.#ids.indexOf(id);
    return slot >= 0 && this.#free(slot, id);
  }

  /** A thread: begins the first request. Undefined when there is none, or the thread may not begin any. */
  take(flags: SharedFlags): QueuedRequest | undefined {
    for (let slot = this.#first(); slot >= 0; slot = this.#first()) {
      const id = Atomics.load(this.#ids, slot);
      if (id === FREE) continue;
      const request = this.#read(slot, id); // before it is free: then it is the loop's again
      if (!flags.begin(id)) return undefined;
      if (this.#free(slot, id)) return request;
      flags.end(id); // another thread was faster
    }
    return undefined;
  }

  #read(slot: number, id: number): QueuedRequest {
    const headLength = this.#lengths[2 * slot]!;
    const bodyLength = this.#lengths[2 * slot + 1]!;
    const bytes = this.#slots[slot]!;
    const headEnd = Math.max(headLength, 0);
    const head = headLength < 0 ? null : bytes.toString("utf8", 0, headEnd);
    if (bodyLength === NONE) return { id, head, body: undefined };
    if (bodyLength === ELSEWHERE) return { id, head, body: null };
    const body = new Uint8Array(bytes.subarray(headEnd, headEnd + bodyLength)); // a copy
    return { id, head, body };
  }

  #free(slot: number, id: number): boolean {
    return Atomics.compareExchange(this.#ids, slot, id, FREE) === id;
  }

  /** The slot of the request that has waited longest; below zero when there is none. */
  #first(): number {
    let [first, firstId] = [-1, FREE];
    for (let slot = 0; slot < SLOTS; slot++) {
      const id = Atomics.load(this.#ids, slot);
      if (id === FREE || (first >= 0 && !isBefore(id, firstId))) continue;
      first = slot;
      firstId = id;
    }
    return first;
  }
}

/** Also where the numbers have begun anew in between. */
function isBefore(id: number, other: number): boolean {
  return (id - other) << 1 < 0;
}
