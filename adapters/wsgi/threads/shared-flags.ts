/**
 * What a thread and the loop have to know of each other while the application runs, in shared memory: a thread that is
 * blocked hears no messages. What is said of a request has its number, so that it means nothing for the next one.
 */

/** Where in the memory a word is. */
const WORD = {
  /** Counts up with everything that a sleeping thread may wait for. */
  events: 0,
  /** The request that runs; FREE or CLOSED where there is none. */
  current: 1,
  /** Why request `stopped` is to end early. Written before it. */
  stop: 2,
  stopped: 3,
  /** How much of the reply to request `takenOf` the client has taken, modulo 2^32. Written before it. */
  taken: 4,
  takenOf: 5,
} as const;

/** A cache line, so that no two threads' words are in one. */
const BYTES = 64;

const FREE = 0;
const CLOSED = -1;

export const STOP = {
  no: 0,
  /** Nobody wants the rest of the reply, and that is right: HEAD, or its length is reached. */
  enough: 1,
  /** The client went away. */
  aborted: 2,
  /** The loop does not wait any longer. */
  halted: 3,
} as const;

export type StopReason = (typeof STOP)[keyof typeof STOP];

export class SharedFlags {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory = new SharedArrayBuffer(BYTES)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** The request that runs; 0 or less where none does. */
  get current(): number {
    return Atomics.load(this.#words, WORD.current);
  }

  /** The loop: the thread begins no request any more. Gives the one that runs; 0 or less where none does. */
  close(): number {
    return Atomics.exchange(this.#words, WORD.current, CLOSED);
  }

  /** The loop: request `id` is to end early. */
  stop(id: number, why: StopReason): void {
    this.#tell(WORD.stop, why, WORD.stopped, id);
  }

  /** The loop: how much of the reply to request `id` the client has taken. */
  setTaken(id: number, taken: number): void {
    this.#tell(WORD.taken, taken, WORD.takenOf, id);
  }

  /** The loop: there is something that a sleeping thread may wait for. */
  wake(): void {
    Atomics.add(this.#words, WORD.events, 1);
    Atomics.notify(this.#words, WORD.events);
  }

  /** The thread: from now on request `id` runs. False: it may not begin any. */
  begin(id: number): boolean {
    const { current } = WORD;
    return Atomics.compareExchange(this.#words, current, FREE, id) === FREE;
  }

  end(id: number): void {
    Atomics.compareExchange(this.#words, WORD.current, id, FREE); // closed it stays
  }

  /** Why request `id` is to end early. */
  stopReason(id: number): StopReason {
    if (Atomics.load(this.#words, WORD.stopped) !== id) return STOP.no;
    return Atomics.load(this.#words, WORD.stop) as StopReason;
  }

  /** How much of the reply to request `id` the client has taken. */
  taken(id: number): number {
    if (Atomics.load(this.#words, WORD.takenOf) !== id) return 0;
    return Atomics.load(this.#words, WORD.taken);
  }

  /** Read before one looks for what one waits for: what happens in between then ends the sleep at once. */
  get events(): number {
    return Atomics.load(this.#words, WORD.events);
  }

  /** The thread sleeps, unless something has happened since `events` was read. */
  sleep(events: number): void {
    Atomics.wait(this.#words, WORD.events, events);
  }

  /** The number comes last: a thread that sees its own reads what belongs to it. */
  #tell(word: number, value: number, of: number, id: number): void {
    Atomics.store(this.#words, word, value);
    Atomics.store(this.#words, of, id);
    this.wake();
  }
}
