/**
 * Holding back the client of one request, which sends its body faster than the application takes it.
 *
 * The engine does not watch a paused connection, in neither direction, so it is let go for one turn of the loop now and
 * then, to see whether the client is still there. Not for longer: letting go starts the engine's clock for idle clients,
 * and one that has sent all it had would be taken for that.
 */
import type { HttpResponse } from "./load.ts";

/** Milliseconds after which a client that is held back may have left without being noticed. */
const LOOK_MS = 5000;

export class Hold {
  readonly #res: HttpResponse;
  /** Set while the client is held back. */
  #look: NodeJS.Timeout | undefined;

  constructor(res: HttpResponse) {
    this.#res = res;
  }

  /** Each time that something has come: the engine has started its clock then. */
  take(): void {
    this.#res.pause();
    this.#look ??= setInterval(() => this.#glance(), LOOK_MS);
  }

  release(): void {
    if (this.#look === undefined) return;
    this.forget();
    this.#res.resume();
  }

  /** The connection is gone, or the engine watches it anyway. */
  forget(): void {
    clearInterval(this.#look);
    this.#look = undefined;
  }

  #glance(): void {
    this.#res.resume();
    setImmediate(() => {
      if (this.#look !== undefined) this.#res.pause();
    });
  }
}
