/**
 * Honest clients, in a thread of their own: so that their figures are the server's, not those of a busy attacker.
 * A request is sent every few milliseconds, whether those before it were answered or not: who waits for an answer
 * before asking again never sees how long a standstill was.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Order, Served } from "./honest.ts";
import { ask, hangUp, VISITS } from "./visits.ts";

/** One round in so many comes with connections of its own: those who are new must get in, too. */
const NEWCOMERS = 10;

const { port } = workerData as { port: number };

class Stream {
  /** How many have to be sent before it ends; not known yet. */
  enough = Infinity;
  readonly #timer: NodeJS.Timeout;
  readonly #underWay = new Set<Promise<void>>();
  readonly #latencies: number[] = [];
  readonly #errors: string[] = [];
  #visits = 0;
  #shed = 0;

  constructor(everyMs: number) {
    this.#timer = setInterval(() => this.#tick(), everyMs);
  }

  #tick(): void {
    if (this.#visits >= this.enough) return void this.#finish();
    const round = Math.floor(this.#visits / VISITS.length);
    const one = this.#visit(round % NEWCOMERS === 0).finally(() =>
      this.#underWay.delete(one),
    );
    this.#underWay.add(one);
    if (this.#visits === VISITS.length)
      void this.#answered().then(() => tell("serving"));
  }

  async #visit(newcomer: boolean): Promise<void> {
    const wanted = VISITS[this.#visits++ % VISITS.length]!;
    const start = performance.now();
    try {
      const found = await ask(port, wanted, newcomer);
      this.#latencies.push(performance.now() - start);
      if (found === "shed") this.#shed++;
      else if (found !== `200 ${wanted.reply}`)
        this.#errors.push(`${wanted.path}: ${found.slice(0, 100)}`);
    } catch (error) {
      this.#errors.push(`${wanted.path}: ${String(error)}`);
    }
  }

  #answered(): Promise<unknown> {
    return Promise.all(this.#underWay);
  }

  /** Ends with one more visit of each kind: the server still serves. */
  async #finish(): Promise<void> {
    clearInterval(this.#timer);
    await this.#answered();
    for (const _ of VISITS) await this.#visit(true);
    hangUp();
    this.#latencies.sort((a, b) => a - b);
    tell({
      visits: this.#visits,
      shed: this.#shed,
      errors: this.#errors,
      p50: quantile(this.#latencies, 0.5),
      p99: quantile(this.#latencies, 0.99),
      max: quantile(this.#latencies, 1),
    });
  }
}

/** The value that so much of all is not above. */
function quantile(sorted: number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? NaN;
}

const tell = (message: Served | "serving"): void =>
  parentPort!.postMessage(message);

let stream: Stream | undefined;
parentPort!.on("message", (order: Order) => {
  if ("everyMs" in order) stream = new Stream(order.everyMs);
  else if (stream !== undefined) stream.enough = order.atLeast;
});
