/**
 * A task that effection makes by itself in a scope of the kernel: its `resource` does so, and all that is made of that.
 *
 * It is effection's own routine, step for step. But most of the price of such a task are the objects and generator
 * functions that effection makes for its halt and its end alone: V8 keeps a hidden class for each in the old part of the
 * heap, and those lead to the rest of the task, so that none of it goes in a cheap collection. Here methods do the same.
 */
import {
  Err,
  Ok,
  unbox,
  type Coroutine,
  type Effect,
  type Operation,
  type Result,
} from "effection";
import {
  contexts,
  type Member,
  type Reducer,
  type TaskGroup,
} from "./contract.ts";
import { Deferred } from "./deferred.ts";
import { UNIT } from "./effects.ts";
import { schedule, STEPPED } from "./queue.ts";
import type { KernelScope } from "./scope.ts";
import { defaultGroup, halt, type Steps } from "./teardown.ts";

/**
 * While effection makes the task, it takes the guest for the task's reducer and for its group, and so leaves it with the
 * owner. From then on the guest stands for the routine in the queue, and for the task in the real group.
 */
export class Guest implements Pick<Reducer, "schedule">, Member {
  enqueued = false;
  /** Settles when it has ended, in whatever way. */
  readonly end = new Deferred<void>();
  readonly #home: KernelScope;
  #task: Member | undefined = undefined;
  #routine: Coroutine | undefined = undefined;
  #outcome: Result<unknown> | undefined = undefined;
  #interrupted = false;
  #group: TaskGroup | undefined = undefined;
  #unbind: (() => boolean) | undefined = undefined;

  constructor(home: KernelScope) {
    this.#home = home;
  }

  get #owner(): KernelScope {
    return this.#home.parent!;
  }

  // While it is made.

  /** effection makes it in this scope. */
  livesIn(scope: KernelScope): boolean {
    return scope === this.#home;
  }

  /** As its group. */
  get tasks(): this {
    return this;
  }

  /** effection's task joins: the guest does. */
  add(task: Member): void {
    this.#task = task;
    const group = this.#owner.findGroup();
    if (group === defaultGroup) return;
    this.#group = group;
    group.tasks.add(this);
  }

  /** What is called instead, where effection leaves with the owner what halts the task, and then with the task's scope what forgets it. */
  ensure(scope: KernelScope, destructor: () => Operation<void>): () => boolean {
    if (destructor === this.#task?.halt)
      return (this.#unbind = scope.hook(this.halt));
    if (!this.livesIn(scope) || this.#unbind === undefined)
      return scope.hook(destructor);
    scope.kernel.guest = undefined; // it is made
    return scope.hook(() => this.#leave());
  }

  *#leave(): Steps {
    this.#unbind!();
    this.#group?.tasks.delete(this);
  }

  // As its reducer, and in the queue.

  schedule(routine: Coroutine): void {
    this.#routine = routine;
    schedule(this, routine.scope.expect(contexts.priority));
  }

  get scope(): Coroutine["scope"] {
    return this.#routine!.scope;
  }

  /** What effection's reducer does with a routine. */
  step(): IteratorResult<Effect<unknown>> {
    const routine = this.#routine!;
    try {
      const next = routine.step();
      if (next.done) this.#settle(Ok(next.value));
      else routine.perform(next.value);
    } catch (error) {
      this.#settle(Err(error as Error));
    }
    return STEPPED;
  }

  perform(): void {}

  #settle(result: Result<unknown>): void {
    this.#outcome ??= result;
    this.end.settle(UNIT);
    if (!result.ok && !this.#interrupted)
      this.#owner.findBoundary().raise(result.error);
  }

  // As its task.

  /** Bound, as effection's is. */
  get halt(): () => Steps {
    return () => halt(this);
  }

  interrupt(): void {
    if (this.#outcome !== undefined || this.#interrupted) return;
    this.#interrupted = true;
    this.#routine!.unwind();
  }

  /** @throws what its cleanup threw, if it was halted. */
  checkHalt(): void {
    if (this.#interrupted) unbox(this.#outcome!);
  }
}
