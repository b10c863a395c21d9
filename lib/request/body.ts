/**
 * The body of one request: from the engine's pushes to an application's pulls, within bounds.
 *
 * The engine pushes; this asks it to stop when a little is waiting. It does not stop at once (see spill.ts), so what
 * comes meanwhile goes to a file.
 */
import { tmpdir } from "node:os";
import { performance } from "node:perf_hooks"; // the global one is a getter
import type { Future } from "effection";
import {
  BodyStorageError,
  BodyTimeoutError,
  BodyTooLargeError,
  BodyUsedError,
  type GatewayError,
} from "../common/errors.ts";
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import { Reason } from "../common/reason.ts";
import { newFuture } from "../operations/future.ts";
import type { BodyWaits } from "./body-waits.ts";
import { Chunks } from "./chunks.ts";
import { Spill, type SpillBudget } from "./spill.ts";
import type { Inlet } from "../engine/engine.ts";

/**
 * Bytes that wait in memory before the client is asked to pause. Sixteen TLS records; small beside the engine's own
 * 512 KiB.
 */
const PAUSE_AT = 256 * 1024;

/** Bytes in memory, on top of which further ones go to a file while the engine has not yet stopped. */
const SPILL_AT = 512 * 1024;

/** Bytes of a body, and milliseconds that a reader may have to wait for it, in all. */
interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
}

/** What the bodies of a loop have in common. */
export interface Bodies {
  readonly spills: SpillBudget;
  readonly waits: BodyWaits;
}

/** Makes something of a body's bytes. `lent`: they are the engine's, and are copied if they are to be kept. */
export type Read<T> = (bytes: Uint8Array, lent: boolean) => T | Promise<T>;

interface Reader<T> {
  readonly read: Read<T>;
  readonly resolve: (value: T | Promise<T>) => void;
  readonly reject: (reason: unknown) => void;
}

type State = "idle" | "receiving" | "complete" | "failed";

export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #inlet: Inlet;
  readonly #limits: BodyLimits;
  readonly #all: Bodies;
  /** Bytes that the client announced; undefined where it did not. */
  readonly #announced: number | undefined;
  /** Milliseconds that readers have waited for the client. */
  #waited = 0;
  #state: State = "idle";
  #received = 0;
  readonly #waiting = new Chunks();
  #spill: Spill | undefined;
  #reason: Reason | undefined;
  #used = false;
  /** Resolves the read that waits for the next chunk, the end or a failure. */
  #wake: (() => void) | undefined;
  /** Waits for all of it. */
  #reader: Reader<unknown> | undefined;
  /** Since when a reader waits; -1 while none does. */
  #since = -1;
  /** Set once a reader has waited for longer than a turn of the loop; looks at the time that it was. */
  #timer: NodeJS.Timeout | undefined;

  constructor(
    inlet: Inlet,
    limits: BodyLimits,
    all: Bodies,
    announced?: number,
  ) {
    this.#announced = announced;
    this.#inlet = inlet;
    this.#limits = limits;
    this.#all = all;
  }

  /** Takes the body over from the engine. Only within the route callback: later its first bytes are lost. */
  receive(): void {
    if (this.#state !== "idle") return;
    this.#state = "receiving";
    this.#inlet.onData((chunk, isLast) => this.#push(chunk, isLast));
  }

  /**
   * Nobody is to read any more, what comes is dropped. A read that waits, or comes later, gets the error of `reason`;
   * without one, that the exchange is over.
   */
  release(reason?: Reason): void {
    this.#spill?.close();
    this.#spill = undefined;
    this.#leave("failed");
    this.#reason = reason;
    this.#waiting.clear();
    if (this.#reader !== undefined) {
      this.#endWaiting();
      this.#answerReader();
    }
    this.#signal();
  }

  /**
   * The chunks, as they come; each at most 512 KiB, the engine's receive buffer. Reading drives the client: it is
   * paused while chunks wait. Can be done once.
   *
   * @throws {BodyTooLargeError} past `maxBodyBytes`.
   * @throws {BodyTimeoutError} past `bodyTimeoutMs`.
   * @throws {BodyStorageError} when what came too early cannot be kept.
   * @throws {ClientAbortedError} when the client goes away in the middle.
   * @throws {BodyUsedError} the second time.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    this.use();
    for (
      let chunk = await this.next();
      chunk !== undefined;
      chunk = await this.next()
    )
      yield chunk;
  }

  get #failure(): GatewayError {
    return this.#reason?.error ?? new BodyUsedError("the exchange is over");
  }

  /** Claims the body for one reader. */
  use(): void {
    if (this.#used) throw new BodyUsedError();
    this.#used = true;
  }

  /**
   * All of it, as `read` makes it of its bytes. Claims the body. What is not here yet goes past the queue: a body that
   * comes in one piece, as most do, is read from the engine's buffer, without a copy.
   */
  collect<T>(read: Read<T>): Future<T> {
    return newFuture((resolve, reject) => {
      this.use();
      if (this.#spill !== undefined)
        return resolve(this.#collectSpilt().then((all) => read(all, false)));
      this.#reader = { read, resolve, reject } as Reader<unknown>;
      if (this.#state !== "receiving") return this.#answerReader();
      this.#inlet.resume();
      this.#beginWaiting();
    });
  }

  async #collectSpilt(): Promise<Uint8Array> {
    const chunks = new Chunks();
    for (let chunk = await this.next(); chunk; chunk = await this.next())
      chunks.add(chunk);
    return chunks.concat();
  }

  /** The body is complete, or has failed. `lent`: all of it, as the engine has it. */
  #answerReader(lent?: Uint8Array): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#reader = undefined;
    const { read, resolve, reject } = reader;
    if (this.#state === "failed") return reject(this.#failure);
    try {
      resolve(read(lent ?? this.#waiting.concat(), lent !== undefined));
    } catch (error) {
      reject(error);
    }
    this.#waiting.clear();
  }

  /**
   * Done when all of it is here, in memory or in the file: no read waits for the client then. Gives its length. The
   * client is paused while the disk is behind.
   *
   * @throws as a read does.
   */
  async complete(): Promise<number> {
    while (this.#state === "receiving") {
      if (this.#isAheadOfDisk) await this.#woken();
      else {
        this.#inlet.resume();
        await this.#change();
      }
    }
    if (this.#state === "failed") throw this.#failure;
    return this.#received;
  }

  /** The next chunk; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk =
        this.#shift() ?? (this.#spill && (await this.#shiftSpilt(this.#spill)));
      if (this.#state === "failed") throw this.#failure;
      if (chunk) return chunk;
      if (this.#state !== "receiving") return undefined;
      await this.#change();
    }
  }

  /** What is pushed, the end, or a failure: the client is waited for. */
  async #change(): Promise<void> {
    this.#beginWaiting();
    await this.#woken();
    this.#endWaiting();
  }

  async #woken(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  #beginWaiting(): void {
    this.#since = performance.now();
    const isLimited = this.#limits.bodyTimeoutMs <= MAX_TIMER_MS;
    if (isLimited && this.#timer === undefined) this.#all.waits.add(this);
  }

  #endWaiting(): void {
    this.#waited += performance.now() - this.#since;
    this.#since = -1;
  }

  /** The client has so much time as is left, of which its readers have spent some on their own. */
  limitWait(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#since === -1) return; // who waits next sets it again
    const { bodyTimeoutMs } = this.#limits;
    const left =
      bodyTimeoutMs - this.#waited - (performance.now() - this.#since);
    if (left > 0) this.#timer = setTimeout(() => this.limitWait(), left);
    else this.release(Reason.of(BodyTimeoutError, bodyTimeoutMs));
  }

  /** Nothing more is waited for. */
  #leave(state: "complete" | "failed"): void {
    this.#state = state;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }

  #shift(): Uint8Array | undefined {
    const chunk = this.#waiting.shift();
    if (this.#state === "receiving" && this.#waiting.empty && this.#inMemory)
      this.#inlet.resume();
    return chunk;
  }

  async #shiftSpilt(spill: Spill): Promise<Uint8Array | undefined> {
    let chunk: Uint8Array | undefined;
    try {
      chunk = await spill.shift();
    } catch (error) {
      this.#failToKeep(error as Error);
    }
    if (spill.empty && this.#state !== "failed") {
      spill.close();
      this.#spill = undefined;
    }
    return chunk;
  }

  #failToKeep(error: Error): void {
    this.release(Reason.of(BodyStorageError, tmpdir(), error));
  }

  #push(data: Uint8Array, isLast: boolean): void {
    if (this.#state !== "receiving") return;
    this.#received += data.length;
    const { maxBodyBytes } = this.#limits;
    if (this.#received > maxBodyBytes)
      return this.release(Reason.of(BodyTooLargeError, maxBodyBytes));
    if (this.#reader !== undefined) return this.#pushToReader(data, isLast);
    try {
      this.#keep(data);
    } catch (error) {
      return this.#failToKeep(error as Error);
    }
    if (isLast) this.#leave("complete");
    else if (this.#wake === undefined ? this.#holdsEnough : this.#isAheadOfDisk)
      this.#inlet.pause();
    this.#signal();
  }

  /**
   * Of all of it, who has as much memory as `maxBodyBytes` allows. What comes in pieces goes straight to its place in
   * one buffer, once a good part of what is announced is here: who only announces much takes no memory.
   */
  #pushToReader(data: Uint8Array, isLast: boolean): void {
    const isWhole = isLast && this.#waiting.empty;
    if (!isWhole && data.length > 0) {
      if (this.#received >= this.#announced! / 4)
        this.#waiting.reserve(this.#announced!);
      this.#waiting.push(data);
    }
    if (!isLast) return;
    this.#leave("complete");
    this.#endWaiting();
    this.#answerReader(isWhole ? data : undefined);
    this.#signal();
  }

  /** Of what nobody waits for. */
  get #holdsEnough(): boolean {
    return this.#waiting.bytes >= PAUSE_AT || !this.#inMemory;
  }

  get #isAheadOfDisk(): boolean {
    return this.#spill?.isBehind === true;
  }

  /** Nothing is in the file, behind which what comes would have to wait. */
  get #inMemory(): boolean {
    return this.#spill === undefined;
  }

  /** The engine takes `data` back when this returns, so it is copied. */
  #keep(data: Uint8Array): void {
    if (data.length === 0) return;
    if (this.#inMemory && this.#waiting.bytes + data.length <= SPILL_AT)
      this.#waiting.push(data);
    else {
      this.#spill ??= new Spill(
        this.#all.spills,
        (error) => this.#failToKeep(error),
        () => this.#signal(),
      );
      this.#spill.push(data);
    }
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
