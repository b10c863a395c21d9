/**
 * Holding back the client of one request, which sends its body faster than the application takes it.
 *
 * The engine does not watch a paused connection, in neither direction, so it is let go for one turn of the loop now and
 * then, to see whether the client is still there. Not for longer: letting go starts the engine's clock for idle
 * clients, and a client that has sent its whole body is silent, but not idle.
 */
import type { HttpResponse } from "./load.ts";

/** Milliseconds after which a client that is held back may have left without being noticed. */
const LOOK_MS = 5000;

export class Hold {
  readonly #res: HttpResponse;
  /** Set while the client is held back. */
  #timer: NodeJS.Timeout | undefined;

  constructor(res: HttpResponse) {
    this.#res = res;
  }

  /** Each time that something has come: the engine has started its clock then. */
  hold(): void {
    this.#res.pause();
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  release(): void {
    if (this.#timer === undefined) return;
    this.forget();
    this.#res.resume();
  }

  /** The connection is gone, or the engine watches it anyway. */
  forget(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#res.resume();
    setImmediate(() => {
      if (this.#timer !== undefined) this.#res.pause();
    });
  }
}
