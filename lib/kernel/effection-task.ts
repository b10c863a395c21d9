/**
 * A task that effection makes by itself in a scope of the kernel: its `resource` does so, and all that is made of
 * that.
 *
 * It runs effection's own routine, step for step. Only its halt and its end are done here, by methods: effection
 * makes objects and generator functions for them, whose hidden classes stay in the old part of V8's heap and keep the
 * rest of the task there, out of reach of the cheap collections.
 */
import {
  Ok,
  unbox,
  type Coroutine,
  type Effect,
  type Operation,
  type Result,
} from "effection";
import { AsyncContext } from "../common/async-context.ts";
import {
  contexts,
  type ErrorBoundary,
  type Member,
  type Reducer,
  type TaskGroup,
} from "./contract.ts";
import { Deferred, UNIT, type Exit, type Steps } from "./effects.ts";
import { defaultGroup, halt } from "./handle.ts";
import { schedule, STEPPED } from "./queue.ts";
import { failed } from "./settled.ts";

/** What it uses of a scope. */
interface Home {
  readonly parent: Home | undefined;
  readonly kernel: { making: EffectionTask | undefined };
  findBoundary(): ErrorBoundary;
  findGroup(): TaskGroup;
  hook(destructor: () => Operation<void>): () => boolean;
}

/**
 * While effection makes the task, it is given this for the task's reducer and for its group, and leaves the task with
 * both. From then on this stands for the routine in the queue, and for the task in the real group.
 */
export class EffectionTask implements Pick<Reducer, "schedule">, Member {
  enqueued = false;
  /** Settles when it has ended, in whatever way. */
  readonly end = new Deferred<void>();
  readonly #home: Home;
  #context = new AsyncContext();
  #task: Member | undefined = undefined;
  #routine: Coroutine | undefined = undefined;
  #outcome: Result<unknown> | undefined = undefined;
  #interrupted = false;
  #group: TaskGroup | undefined = undefined;
  #unhook: (() => boolean) | undefined = undefined;

  constructor(home: Home) {
    this.#home = home;
  }

  get #owner(): Home {
    return this.#home.parent!;
  }

  // While it is made.

  /** Whether effection makes it in this scope. */
  isIn(scope: Home): boolean {
    return scope === this.#home;
  }

  /** As its group. */
  get tasks(): this {
    return this;
  }

  /** effection's task joins its group: this joins the real one. */
  add(task: Member): void {
    this.#task = task;
    const group = this.#owner.findGroup();
    if (group === defaultGroup) return;
    this.#group = group;
    group.tasks.add(this);
  }

  /**
   * Called for `scope.ensure`. effection gives the owner a destructor that halts the task, and then the task's own
   * scope one that forgets it; both are replaced.
   */
  ensure(scope: Home, destructor: () => Operation<void>): () => boolean {
    if (destructor === this.#task?.halt)
      return (this.#unhook = scope.hook(this.halt));
    if (!this.isIn(scope) || this.#unhook === undefined)
      return scope.hook(destructor);
    scope.kernel.making = undefined; // it is made
    return scope.hook(() => this.#leave());
  }

  *#leave(): Steps {
    this.#unhook!();
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
    this.#context.runInAsyncScope(() => this.#takeTurn());
    return STEPPED;
  }

  #takeTurn(): void {
    const routine = this.#routine!;
    try {
      const next = routine.step();
      if (next.done) this.#settle(Ok(next.value));
      else this.#perform(next.value);
    } catch (error) {
      this.#settle(failed(error));
    }
    this.#context = this.#context.now;
  }

  perform(): void {}

  /** Whoever resumes the routine leaves the effect for it. */
  #perform(effect: Effect<unknown>): void {
    const routine = this.#routine!;
    routine.perform(effect);
    const { exit } = routine.data as { exit: Exit };
    routine.data.exit = (left) =>
      this.#context.runInAsyncScope(exit, undefined, left);
  }

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

  checkHalt(): void {
    if (this.#interrupted) unbox(this.#outcome!);
  }
}
