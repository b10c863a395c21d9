/** The applications that come with resources of their own: opened in order, closed in reverse. */
import { suspend } from "effection";
import { UsageError } from "../common/errors.ts";
import { attach, type Nursery } from "../kernel/fork.ts";
import { viewTasks, type TaskView } from "../kernel/tree.ts";
import type {
  ApplicationStatus,
  OpenApplication,
  Surroundings,
} from "../exchange/application.ts";

export class Applications {
  readonly #all = new Set<OpenApplication>();
  readonly #surroundings: Surroundings;
  /** A resource that was opened has failed on its own. */
  readonly #onError: (error: Error) => void;
  #nursery: Nursery | undefined;
  #opening: Promise<void> | undefined;

  constructor(surroundings: Surroundings, onError: (error: Error) => void) {
    this.#surroundings = surroundings;
    this.#onError = onError;
  }

  add(application: OpenApplication): void {
    this.#all.add(application);
  }

  /** Opens them, once. When one fails, the promise does; `close` then ends those that were open. */
  open(): Promise<void> {
    return (this.#opening ??= this.#openAll(
      (this.#nursery = attach(undefined, { onError: this.#onError })),
    ));
  }

  /** Ends what they started. They can be opened again. @throws what a cleanup throws. */
  async close(): Promise<void> {
    this.#opening = undefined;
    await this.#nursery?.destroy();
  }

  /** Until they have nothing more to do behind their replies. */
  async untilIdle(): Promise<void> {
    await Promise.all([...this.#all].map(async (one) => one.untilIdle?.()));
  }

  /** How those are that run, and can tell. */
  status(): ApplicationStatus[] {
    return [...this.#all]
      .map((application) => application.status?.())
      .filter((status) => status !== undefined);
  }

  /** What they have running. */
  tasks(): TaskView[] {
    return this.#nursery ? viewTasks(this.#nursery.scope) : [];
  }

  /** Each in a task of its own: its resources end when the task does, and tasks end in reverse order. */
  async #openAll({ scope }: Nursery): Promise<void> {
    const surroundings = this.#surroundings;
    for (const application of this.#all)
      await new Promise<void>((resolve, reject) => {
        const task = scope.run(function* () {
          try {
            if (application.open) yield* application.open(surroundings);
          } catch (error) {
            return reject(error);
          }
          resolve();
          yield* suspend();
        });
        task.catch(() => reject(closedMeanwhile())); // halted before it was open
      });
  }
}

export const closedMeanwhile = (): UsageError =>
  new UsageError("the loop was closed while it opened its applications");
