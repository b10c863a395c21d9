/** What a worker tells at its end, whatever ends it: the counts that no report has had yet, and what it was at. */
import type { Loop } from "../index.ts";
import type { Shared } from "../exchange/shared.ts";
import { loopListens } from "../loop/command.ts";
import type { FromWorker } from "./messages.ts";

/** Requests that are named. */
const NAMED = 20;

/** What a loop tells of its requests. */
type Requests = Pick<Shared, "tally" | "latest" | "running">;

export class LastWords {
  readonly #tell: (message: FromWorker) => void;
  #requests: Requests | undefined;

  constructor(tell: (message: FromWorker) => void) {
    this.#tell = tell;
  }

  /** Tells of this loop, from when it listens on. */
  of(loop: Loop): void {
    loopListens.subscribe((message) => {
      const listens = message as { loop: Loop; requests: Requests };
      if (listens.loop === loop) this.#requests = listens.requests;
    });
  }

  /**
   * The requests that run, and the one that came last, also when it is answered: what fails the process is often what
   * a handler has left behind.
   */
  get requests(): string[] {
    if (this.#requests === undefined) return [];
    const { latest } = this.#requests;
    const running = this.#requests.running();
    const all = new Set(latest === undefined ? running : [...running, latest]);
    return [...all].slice(-NAMED).map((one) => {
      const { id, name } = one.view();
      return `${name} (${id})`;
    });
  }

  say(): void {
    if (this.#requests === undefined) return;
    const { tally } = this.#requests;
    this.#tell({ type: "last", tally, requests: this.requests });
  }
}
