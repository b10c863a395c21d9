/**
 * The first step of an operation, before there is a task for it.
 *
 * Many operations return at their first step. None of what a task is for can be seen from within it: an operation learns
 * of its scope by an effect, and that is the second step. So while nobody else takes turns, that step is taken first, and
 * the task is made when there is more to do: an operation that only returns costs little more than a function.
 */
import { Err, Ok, type Effect, type Operation, type Result } from "effection";
import { queueIsEmpty, reducer, STEPPED } from "./queue.ts";
import type { KernelScope } from "./scope.ts";
import { tell, type Settle } from "./settled.ts";
import type { KernelTask } from "./task.ts";

export type Body = Iterator<Effect<unknown>, unknown, unknown>;

/** The body after its first step. */
export interface Begun {
  readonly body: Body | undefined;
  /** What it has yielded. That should be an effect; it is found out when it is entered. */
  readonly effect: Effect<unknown> | undefined;
  /** Its end, if that was all of it. */
  readonly result: Result<unknown> | undefined;
}

/** There is nothing left to be halted. */
const RETURNED = { interrupt(): void {} };

/** Not more than this one is ever in the queue, so its order there does not matter. */
const FIRST = { expect: () => 0 };

/** What effection's reducer sees is a routine. */
export class FirstStep {
  enqueued = false;
  /** Undefined when the operation has returned. */
  task: KernelTask | undefined = undefined;
  readonly #owner: KernelScope;
  readonly #operation: () => Operation<unknown>;
  readonly #settled: Settle;

  constructor(
    owner: KernelScope,
    operation: () => Operation<unknown>,
    settled: Settle,
  ) {
    this.#owner = owner;
    this.#operation = operation;
    this.#settled = settled;
  }

  /** Whether it can be taken now: nobody is at his turn, and nobody wants to be asked about new scopes. */
  static possible(owner: KernelScope): boolean {
    return !reducer.reducing && owner.kernel.plain;
  }

  /** The task, or what stands for one that has ended. */
  take(): { interrupt(): void } {
    reducer.schedule(this);
    return this.task ?? RETURNED;
  }

  get scope(): { expect(): number } {
    return FIRST;
  }

  step(): IteratorResult<Effect<unknown>> {
    const begun = begin(this.#operation);
    if (begun.result !== undefined && queueIsEmpty())
      tell(this.#settled, begun.result.ok ? "value" : "error", begun.result);
    else
      this.task = this.#owner.kernel.resume(
        this.#owner,
        { operation: this.#operation, settled: this.#settled },
        begun,
      );
    return STEPPED;
  }

  perform(): void {}
}

function begin(operation: () => Operation<unknown>): Begun {
  let body: Body | undefined;
  try {
    body = operation()[Symbol.iterator]();
    const { done, value } = body.next();
    if (done) return { body, effect: undefined, result: Ok(value) };
    return { body, effect: value as Effect<unknown>, result: undefined };
  } catch (error) {
    return { body, effect: undefined, result: Err(error as Error) };
  }
}
