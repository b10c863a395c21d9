/**
 * The body of one request: from the engine's pushes to an application's pulls, within bounds.
 *
 * The engine pushes; this asks it to stop when a little is waiting. It does not stop at once (see spill.ts), so what
 * comes meanwhile goes to a file.
 */
import { tmpdir } from "node:os";
import {
  BodyStorageError,
  BodyTimeoutError,
  BodyTooLargeError,
  BodyUsedError,
  type GatewayError,
} from "../common/errors.ts";
import { MAX_TIMER_MS } from "../common/checked-options.ts";
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
export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
}

type State = "idle" | "receiving" | "complete" | "failed";

export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #inlet: Inlet;
  readonly #limits: BodyLimits;
  readonly #budget: SpillBudget;
  /** Milliseconds that readers have waited for the client. */
  #waited = 0;
  #state: State = "idle";
  #received = 0;
  readonly #waiting = new Chunks();
  #spill: Spill | undefined;
  #error: GatewayError | undefined;
  #used = false;
  /** Resolves the read that waits for the next chunk, the end or a failure. */
  #wake: (() => void) | undefined;

  constructor(inlet: Inlet, limits: BodyLimits, budget: SpillBudget) {
    this.#inlet = inlet;
    this.#limits = limits;
    this.#budget = budget;
  }

  /** Takes the body over from the engine. Only within the route callback: later its first bytes are lost. */
  receive(): void {
    if (this.#state !== "idle") return;
    this.#state = "receiving";
    this.#inlet.onData((chunk, isLast) => this.#push(chunk, isLast));
  }

  /**
   * Nobody is to read any more, what comes is dropped. A read that waits, or comes later, gets `error`; without one, that
   * the exchange is over: an error that hardly anybody ever gets is not made beforehand, for the price of its stack.
   */
  release(error?: GatewayError): void {
    this.#spill?.close();
    this.#spill = undefined;
    this.#state = "failed";
    this.#error = error;
    this.#waiting.clear();
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
    return this.#error ?? new BodyUsedError("the exchange is over");
  }

  /** Claims the body for one reader. */
  use(): void {
    if (this.#used) throw new BodyUsedError();
    this.#used = true;
  }

  /** All of it. */
  async collect(): Promise<Uint8Array> {
    const chunks = new Chunks();
    for await (const chunk of this) chunks.add(chunk);
    return chunks.concat();
  }

  /**
   * Done when all of it is here, in memory or in the file: no read waits for the client then. Gives its length.
   *
   * @throws as a read does.
   */
  async complete(): Promise<number> {
    while (this.#state === "receiving") {
      this.#inlet.resume();
      await this.#change();
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

  /** What is pushed, the end, or a failure; the client has so much time for it as is left. */
  async #change(): Promise<void> {
    const { bodyTimeoutMs } = this.#limits;
    const since = performance.now();
    const limit =
      bodyTimeoutMs <= MAX_TIMER_MS
        ? setTimeout(
            () => this.release(new BodyTimeoutError(bodyTimeoutMs)),
            bodyTimeoutMs - this.#waited,
          )
        : undefined;
    await new Promise<void>((resolve) => (this.#wake = resolve));
    clearTimeout(limit);
    this.#waited += performance.now() - since;
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
    this.release(new BodyStorageError(tmpdir(), error));
  }

  #push(data: Uint8Array, isLast: boolean): void {
    if (this.#state !== "receiving") return;
    this.#received += data.length;
    const { maxBodyBytes } = this.#limits;
    if (this.#received > maxBodyBytes)
      return this.release(new BodyTooLargeError(maxBodyBytes));
    try {
      this.#keep(data);
    } catch (error) {
      return this.#failToKeep(error as Error);
    }
    if (isLast) this.#state = "complete";
    else if (this.#wake === undefined && this.#holdsEnough) this.#inlet.pause();
    this.#signal();
  }

  /** Of what nobody waits for. */
  get #holdsEnough(): boolean {
    return this.#waiting.bytes >= PAUSE_AT || !this.#inMemory;
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
      this.#spill ??= new Spill(this.#budget, (error) =>
        this.#failToKeep(error),
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
