/** The steady stream of honest requests that goes on while a server is attacked. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** How honest clients fared; times in milliseconds. */
export interface Served {
  visits: number;
  /** Of these, were told to come back later. */
  shed: number;
  errors: string[];
  p50: number;
  p99: number;
  max: number;
}

/** Begin, with a request every so often; or end, when there were so many. */
export type Order = { everyMs: number } | { atLeast: number };

export class HonestClients {
  readonly #worker: Worker;

  constructor(port: number) {
    this.#worker = new Worker(new URL("honest-worker.js", import.meta.url), {
      workerData: { port },
    });
  }

  /** Done when the first of every kind have been served. */
  async begin(everyMs: number): Promise<void> {
    await this.#tell({ everyMs });
  }

  /** Goes on until there were `atLeast` requests; then another stream can begin. */
  async end(atLeast: number): Promise<Served> {
    return (await this.#tell({ atLeast })) as Served;
  }

  /** They are gone, whatever they were doing. */
  async leave(): Promise<void> {
    await this.#worker.terminate();
  }

  async #tell(order: Order): Promise<unknown> {
    this.#worker.postMessage(order);
    const [answer] = (await once(this.#worker, "message")) as unknown[];
    return answer;
  }
}
