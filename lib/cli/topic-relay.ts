/** Topics between the workers of a command, as the supervisor sees them: who has subscribed to what. */
import type { Chunk } from "../engine/message.ts";
import type { FromWorker } from "./messages.ts";
import type { WorkerProcess } from "./worker-process.ts";

/**
 * Hands on what a worker publishes to the others that have sockets for it, in the order in which it comes, and keeps
 * none of it. One that does not read loses messages of its own; see `WorkerProcess.publish`.
 */
export class TopicRelay {
  readonly #subscribers = new Map<string, Set<WorkerProcess>>();

  hear(worker: WorkerProcess, said: OfTopics): void {
    if (said.type === "publish")
      this.#publish(worker, said.topic, said.message);
    else this[said.type](worker, said.topic);
  }

  subscribe(worker: WorkerProcess, topic: string): void {
    const workers = this.#subscribers.get(topic) ?? new Set();
    this.#subscribers.set(topic, workers.add(worker));
  }

  unsubscribe(worker: WorkerProcess, topic: string): void {
    const workers = this.#subscribers.get(topic);
    if (workers?.delete(worker) === true && workers.size === 0)
      this.#subscribers.delete(topic);
  }

  #publish(from: WorkerProcess, topic: string, message: Chunk): void {
    for (const worker of this.#subscribers.get(topic) ?? [])
      if (worker !== from) worker.publish(topic, message);
  }

  /** It has ended. */
  forget(worker: WorkerProcess): void {
    for (const topic of this.#subscribers.keys())
      this.unsubscribe(worker, topic);
  }
}

type OfTopics = Extract<FromWorker, { topic: string }>;
