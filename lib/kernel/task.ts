/** A task: its scope, its routine and its outcome in one object. */
import {
  Err,
  unbox,
  type Coroutine,
  type Effect,
  type Operation,
  type Result,
} from "effection";
import type { ErrorBoundary, Member, TaskGroup } from "./contract.ts";
import { Deferred, ENDED } from "./deferred.ts";
import { DESTROY, HALT } from "./destructors.ts";
import { exitAtOnce, UNIT, type Exit } from "./effects.ts";
import { TaskHandle } from "./handle.ts";
import type { Kernel } from "./kernel.ts";
import { created, ended, type Phase } from "./phases.ts";
import { schedule, STEPPED } from "./queue.ts";
import { KernelScope } from "./scope.ts";
import { tell, thrown, type Settle, type Settled } from "./settled.ts";
import { defaultGroup, halt, type Steps } from "./teardown.ts";

/**
 * What effects, and effection's reducer, see is a `Coroutine`; the names of its members are effection's. It is in the
 * same queue as effection's own routines, so that both kinds take turns as if they were one.
 */
export class KernelTask
  extends KernelScope
  implements ErrorBoundary, TaskGroup
{
  // The routine.
  /** The scope that its effects see: another one within `scoped()`. */
  scope: KernelScope = this;
  /** Until its end. */
  operation: (() => Operation<unknown>) | undefined;
  iterator: Iterator<Effect<unknown>, unknown, unknown> | undefined = undefined;
  /** What its next turn is for. */
  phase: Phase = created;
  /** Leaves the effect that it is in. */
  exit: Exit = exitAtOnce;
  resumeWith: Result<unknown> = UNIT;
  enqueued = false;
  /** It is not to be unwound now. */
  critical = false;
  unwinding = false;
  #resolver: ((result: Result<unknown>) => void) | undefined = undefined;
  /** The one that it is in, or was in last. For whoever looks. */
  effect: Effect<unknown> | undefined = undefined;
  /** `Date.now()` when it waited first, 0 before: nobody sees a task that does not wait, and even the cheapest clock costs. */
  startedAt = 0;

  // The task.
  /** What its body came to, and then what its end made of it. */
  completion: Result<unknown> = UNIT;
  /** What it is to end with whatever its body says: a child's error, most of the time. */
  trapped: Result<unknown> | undefined = undefined;
  /** The boundary around it, while it is one itself. */
  outerBoundary: ErrorBoundary | undefined = undefined;
  state: Settled | undefined = undefined;
  #interrupted = false;
  #end: Deferred<void> | undefined = undefined;
  #tasks: Set<Member> | undefined = undefined;
  #memberOf: TaskGroup | undefined = undefined;
  #handle: TaskHandle<unknown> | undefined = undefined;
  #settled: Settle | undefined;

  constructor(
    kernel: Kernel,
    owner: KernelScope,
    operation: () => Operation<unknown>,
    settled: Settle | undefined,
  ) {
    super(kernel, owner, DESTROY | HALT);
    this.operation = operation;
    this.#settled = settled;
  }

  // What effects use.

  get data(): this {
    return this;
  }

  resume(result: Result<unknown>): void {
    this.#resolver = undefined;
    if (this.exit === exitAtOnce) {
      this.resumeWith = result;
      this.schedule();
    } else this.#leave(result);
  }

  /** Apart from `resume`, because a function with a closure in it allocates on every call, whether it makes it or not. */
  #leave(result: Result<unknown>): void {
    this.exit((left) => {
      this.exit = exitAtOnce;
      this.resumeWith = left.ok ? result : left;
      this.schedule();
    });
  }

  unwind(): void {
    if (this.phase === ended) return;
    this.unwinding = true;
    if (!this.critical) this.resume(UNIT);
  }

  // What effection's reducer uses.

  schedule(): void {
    schedule(this, this.scope.priority);
  }

  step(): IteratorResult<Effect<unknown>> {
    try {
      this.phase(this);
    } catch (error) {
      this.#giveUp(Err(error));
    }
    return STEPPED;
  }

  /** The exit of an effect threw. As in effection that is the end, without a cleanup; only once, so that one is told once. */
  #giveUp(result: Result<never>): void {
    if (this.phase !== ended) this.settle(result);
    else if (!result.ok) this.parent!.findBoundary().raise(result.error);
  }

  perform(): void {}

  // What the phases use.

  /** One step of the iterator that it runs, with what `yield*` would make of each case. */
  advance(): IteratorResult<Effect<unknown>, unknown> {
    const iterator = this.iterator!;
    const { resumeWith } = this;
    if (!resumeWith.ok) {
      this.unwinding = false;
      return throwInto(iterator, resumeWith);
    }
    if (this.takeUnwind())
      return iterator.return?.() ?? { done: true, value: undefined };
    return iterator.next(resumeWith.value);
  }

  /** Whether it is to be unwound now. It is told once. */
  takeUnwind(): boolean {
    if (!this.unwinding || this.critical) return false;
    this.unwinding = false;
    return true;
  }

  enter(effect: Effect<unknown>): void {
    const resolve = (result: Result<unknown>): void => {
      if (this.#resolver === resolve) this.resume(result);
    };
    this.#resolver = resolve;
    this.effect = effect;
    if (this.startedAt === 0) this.startedAt = Date.now();
    try {
      this.exit = effect.enter(resolve, this as unknown as Coroutine) as Exit;
    } catch (error) {
      this.resume(Err(error));
    }
  }

  settle(result: Result<unknown>): void {
    this.phase = ended;
    this.completion = result;
    this.iterator = this.trapped = this.#resolver = this.effect = undefined;
    this.resumeWith = UNIT;
    this.state = !result.ok ? "error" : this.#interrupted ? "halted" : "value";
    this.#end?.settle(UNIT);
    const settled = this.#settled;
    this.operation = this.#settled = undefined; // they may lead to a whole request, and V8 may hold on to tasks for long
    if (settled !== undefined) tell(settled, this.state, result);
    else if (!result.ok && !this.#interrupted)
      this.parent!.findBoundary().raise(result.error);
  }

  // The task.

  /** Into the group of tasks that end with the body they belong to. */
  join(): void {
    const group = this.parent!.findGroup();
    if (group === defaultGroup) return;
    this.#memberOf = group;
    group.tasks.add(this.handle);
  }

  override release(): void {
    this.parent!.destructors!.disarm(this, HALT);
    super.release();
    this.#memberOf?.tasks.delete(this.handle);
    this.#memberOf = undefined;
  }

  /** As the boundary of its children: their errors end it. */
  raise(error: Error): void {
    this.trapped = Err(error);
    this.unwind();
  }

  /** As the group of its children. */
  get tasks(): Set<Member> {
    return (this.#tasks ??= new Set());
  }

  get hasTasks(): boolean {
    return this.#tasks !== undefined && this.#tasks.size > 0;
  }

  interrupt(): void {
    if (this.state !== undefined || this.#interrupted) return;
    this.#interrupted = true;
    this.unwind();
  }

  halt(): Steps {
    return halt(this);
  }

  /** @throws what its cleanup threw, if it was halted. */
  checkHalt(): void {
    if (this.#interrupted && this.state === "error") unbox(this.completion);
  }

  /** Its value, once it has ended. @throws its error, or that it was halted. */
  get value(): unknown {
    if (this.state === "halted") throw new Error("halted");
    return unbox(this.completion);
  }

  /** Settles when it has ended, in whatever way. */
  get end(): Deferred<void> {
    return (this.#end ??= this.state === undefined ? new Deferred() : ENDED);
  }

  get handle(): TaskHandle<unknown> {
    return (this.#handle ??= new TaskHandle(this));
  }
}

function throwInto(
  iterator: Iterator<Effect<unknown>, unknown, unknown>,
  result: Result<unknown>,
): IteratorResult<Effect<unknown>, unknown> {
  if (iterator.throw) return iterator.throw(thrown(result));
  iterator.return?.();
  throw new TypeError("The iterator does not provide a 'throw' method.");
}
