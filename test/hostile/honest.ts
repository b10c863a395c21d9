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

export class HonestClients {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** When the first of every kind have been served. */
  static async start(port: number, everyMs: number): Promise<HonestClients> {
    const worker = new Worker(new URL("honest-worker.js", import.meta.url), {
      workerData: { port, everyMs },
    });
    await once(worker, "message");
    return new HonestClients(worker);
  }

  /** Stops when there were `atLeast` visits. */
  async stop(atLeast: number): Promise<Served> {
    const served = once(this.#worker, "message") as Promise<[Served]>;
    this.#worker.postMessage(atLeast);
    return (await served)[0];
  }

  /** Gives up; does nothing after `stop`. */
  async destroy(): Promise<void> {
    await this.#worker.terminate();
  }
}
