/**
 * A task: its scope, its routine and its outcome in one object; and what it does at each of its turns.
 *
 * effection wraps the body of a task in generators (`trap`, `encapsulate`, `critical`) whose effects resume at once,
 * but take a turn each, three before the body and three after it. Other routines run in these turns, and a halt may
 * arrive in any of them, so they are part of how effection behaves. Here each turn is a function, and there are no
 * generators.
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
import type { ErrorBoundary, Member, TaskGroup } from "./contract.ts";
import { DESTROY, HALT } from "./destructors.ts";
import {
  Deferred,
  ENDED,
  exitAtOnce,
  UNIT,
  type Exit,
  type SelfLeaving,
  type Steps,
} from "./effects.ts";
import { defaultGroup, halt, haltAll, TaskHandle } from "./handle.ts";
import { schedule, STEPPED, takesNextTurn, wouldBeNext } from "./queue.ts";
import { KernelScope } from "./scope.ts";
import {
  failed,
  notify,
  thrown,
  type Settle,
  type Settled,
} from "./settled.ts";

/** What a task runs: an operation's steps, or those of its own teardown. */
export type Body = Iterator<Effect<unknown>, unknown, unknown>;

/** A body after its first step: with its result if it has ended, or with what it has yielded. */
export interface Begun {
  readonly body: Body | undefined;
  readonly effect: Effect<unknown> | undefined;
  readonly result: Result<unknown> | undefined;
}

/** What a task does at its turn. */
type Turn = (task: KernelTask) => void;

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
  iterator: Body | undefined = undefined;
  /** What its next turn is for. */
  turn: Turn = start;
  /** Leaves the effect that it is in. */
  exit: Exit = exitAtOnce;
  /**
   * As with `await`, what goes on after a `yield` sees the stores that were there before it, whoever wakes the task.
   */
  context = new AsyncContext();
  resumeWith: Result<unknown> = UNIT;
  enqueued = false;
  /** It must not be unwound now. */
  critical = false;
  unwinding = false;
  #resolver: ((result: Result<unknown>) => void) | undefined = undefined;
  /** `exit` has nothing to do once its effect has resolved. While one is entered, both are of the one before. */
  #leavesItself = false;
  /** The one that it is in, or was in last. For views of running tasks. */
  effect: Effect<unknown> | undefined = undefined;
  /**
   * `Date.now()` when it first waited, 0 before. Not read earlier: hot path, and nobody can see a task before it
   * waits.
   */
  startedAt = 0;

  // The task.
  /** The outcome of its body, and then what its end makes of it. */
  completion: Result<unknown> = UNIT;
  /** What it is to end with, whatever its body returns: a child's error, most of the time. */
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
    owner: KernelScope,
    operation: () => Operation<unknown>,
    settled: Settle | undefined,
  ) {
    super(owner.kernel, owner, DESTROY | HALT);
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
    } else this.#leaveEffect(result);
  }

  /** Apart from `resume`, because a function that contains a closure allocates on every call. */
  #leaveEffect(result: Result<unknown>): void {
    this.context.runInAsyncScope(this.exit, undefined, (left: Result<void>) => {
      this.exit = exitAtOnce;
      this.resumeWith = left.ok ? result : left;
      this.schedule();
    });
  }

  unwind(): void {
    if (this.turn === ended) return;
    this.unwinding = true;
    if (!this.critical) this.resume(UNIT);
  }

  // What effection's reducer uses.

  schedule(): void {
    schedule(this, this.scope.priority);
  }

  step(): IteratorResult<Effect<unknown>> {
    this.context.runInAsyncScope(takeTurn, this);
    return STEPPED;
  }

  /** The exit of an effect threw. As in effection that is the end, without a cleanup. It is reported once. */
  giveUp(result: Result<never>): void {
    if (this.turn !== ended) this.settle(result);
    else if (!result.ok) this.parent!.findBoundary().raise(result.error);
  }

  perform(): void {}

  // What its turns use.

  /** One step of the iterator that it runs: by `next`, `throw` or `return`, as `yield*` would do in each case. */
  advance(): IteratorResult<Effect<unknown>, unknown> {
    const iterator = this.iterator!;
    const { resumeWith } = this;
    if (!resumeWith.ok) {
      this.unwinding = false;
      return throwInto(iterator, resumeWith);
    }
    if (this.beginUnwinding())
      return iterator.return?.() ?? { done: true, value: undefined };
    return iterator.next(resumeWith.value);
  }

  /** Whether it has to unwind now. True once for each time. */
  beginUnwinding(): boolean {
    if (!this.unwinding || this.critical) return false;
    this.unwinding = false;
    return true;
  }

  enter(effect: Effect<unknown>): void {
    const resolve = (result: Result<unknown>): void => {
      if (this.#resolver !== resolve) return;
      if (this.#leavesItself) this.exit = exitAtOnce;
      this.resume(result);
    };
    this.#resolver = resolve;
    this.effect = effect;
    if (this.startedAt === 0) this.startedAt = Date.now();
    try {
      this.exit = effect.enter(resolve, this as unknown as Coroutine) as Exit;
      this.#leavesItself =
        (effect as Partial<SelfLeaving>).isLeftWhenResolved === true;
    } catch (error) {
      this.resume(failed(isEffect(effect) ? error : notAnEffect(effect)));
    }
  }

  settle(result: Result<unknown>): void {
    this.turn = ended;
    this.completion = result;
    this.iterator = this.trapped = this.#resolver = this.effect = undefined;
    this.resumeWith = UNIT;
    this.state = !result.ok ? "error" : this.#interrupted ? "halted" : "value";
    this.#end?.settle(UNIT);
    const settled = this.#settled;
    this.operation = this.#settled = undefined; // they may hold a whole request, and V8 may keep tasks for long
    if (settled !== undefined) notify(settled, this.state, result);
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
    this.trapped = failed(error);
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

  checkHalt(): void {
    if (this.#interrupted && this.state === "error") unbox(this.completion);
  }

  get value(): unknown {
    if (this.state === "halted") throw new Error("halted");
    return unbox(this.completion);
  }

  get end(): Deferred<void> {
    return (this.#end ??= this.state === undefined ? new Deferred() : ENDED);
  }

  get handle(): TaskHandle<unknown> {
    return (this.#handle ??= new TaskHandle(this));
  }
}

function throwInto(
  iterator: Body,
  result: Result<unknown>,
): IteratorResult<Effect<unknown>, unknown> {
  if (iterator.throw) return iterator.throw(thrown(result));
  iterator.return?.();
  throw new TypeError("The iterator does not provide a 'throw' method.");
}

function takeTurn(this: KernelTask): void {
  try {
    this.turn(this);
  } catch (error) {
    this.giveUp(failed(error));
  }
  if (this.turn !== ended) this.context = this.context.now;
}

// The turns, in their order.

/** A task that is halted before its first turn has never been there: nothing is cleaned up. */
function start(task: KernelTask): void {
  if (task.beginUnwinding()) return task.settle(UNIT);
  pass(task, findBoundary);
}

/** trap: the boundary outside. */
function findBoundary(task: KernelTask): void {
  if (task.beginUnwinding()) return pass(task, close);
  task.outerBoundary = task.findBoundary();
  pass(task, becomeBoundary);
}

/** trap: errors of children come to the task. */
function becomeBoundary(task: KernelTask): void {
  if (task.beginUnwinding()) return pass(task, close);
  task.boundary = task;
  pass(task, startBody);
}

/** encapsulate: children end with the body; and the first step of the body. */
function startBody(task: KernelTask): void {
  if (task.beginUnwinding()) return leaveTrap(task);
  task.group = task;
  task.turn = runBody;
  try {
    task.iterator = task.operation!()[Symbol.iterator]();
  } catch (error) {
    return endBody(task, failed(error));
  }
  runBody(task);
}

/** In place of the turns above, for a body that took its first step before there was a task. */
export function resumeBody(
  task: KernelTask,
  { body, effect, result }: Begun,
): void {
  task.outerBoundary = task.findBoundary();
  task.boundary = task;
  task.group = task;
  task.turn = runBody;
  task.iterator = body;
  if (result === undefined) task.enter(effect!);
  else endBody(task, result);
}

function runBody(task: KernelTask): void {
  const result = advance(task);
  if (result !== undefined) endBody(task, result);
}

function endBody(task: KernelTask, result: Result<unknown>): void {
  task.completion = result;
  task.iterator = undefined;
  pass(task, endGroup);
}

/** encapsulate: the children that are left are halted. */
function endGroup(task: KernelTask): void {
  if (!task.resumeWith.ok) {
    task.unwinding = false;
    task.completion = task.resumeWith; // the exit of the body's last effect failed
    leaveGroup(task);
  } else if (task.beginUnwinding()) {
    task.group = undefined;
    leaveTrap(task);
  } else if (task.hasTasks) runCritical(task, haltAll(task.tasks), haltGroup);
  else leaveGroup(task);
}

function haltGroup(task: KernelTask): void {
  const result = advance(task);
  if (result === undefined) return;
  task.critical = false;
  if (!result.ok) task.completion = result;
  leaveGroup(task);
}

function leaveGroup(task: KernelTask): void {
  task.group = undefined;
  if (task.completion.ok) task.trapped ??= task.completion;
  else task.trapped = task.completion;
  leaveTrap(task);
}

/** trap: errors go to the boundary outside again. A body that was unwound has no result, and is unwound further. */
function leaveTrap(task: KernelTask): void {
  task.boundary = task.outerBoundary;
  if (task.trapped !== undefined) return pass(task, leftTrap, task.trapped);
  task.turn = leftTrap;
  task.unwind();
  task.exit = exitAtOnce;
}

function leftTrap(task: KernelTask): void {
  if (!task.resumeWith.ok) task.unwinding = false;
  task.completion = task.beginUnwinding() ? UNIT : task.resumeWith;
  pass(task, close);
}

/** The scope is destroyed. A halt that arrives in this very turn leaves that to the owner. */
function close(task: KernelTask): void {
  if (task.beginUnwinding()) return task.settle(UNIT);
  if (!task.idle)
    return runCritical(task, task.destruct()[Symbol.iterator](), destroyScope);
  task.close(); // nothing was left in it: most tasks
  task.settle(task.completion);
}

function destroyScope(task: KernelTask): void {
  const result = advance(task);
  if (result === undefined) return;
  task.critical = false;
  task.settle(result.ok ? task.completion : result);
}

/** Halting a task that has ended does nothing. */
function ended(): void {}

// What several turns do.

/**
 * Stands for an effect that resumes at once: the task takes another turn. Nearly always nobody in the queue comes
 * before it, so that turn is the next thing to happen, and is taken without going through the queue.
 */
function pass(
  task: KernelTask,
  turn: Turn,
  result: Result<unknown> = UNIT,
): void {
  task.turn = turn;
  if (task.exit === exitAtOnce && wouldBeNext(task.scope.priority)) {
    task.resumeWith = result;
    return turn(task);
  }
  task.resume(result);
  task.exit = exitAtOnce;
}

/** Runs steps to their end, whatever arrives meanwhile. */
function runCritical(task: KernelTask, steps: Body, turn: Turn): void {
  task.critical = true;
  task.iterator = steps;
  task.resumeWith = UNIT;
  task.turn = turn;
  turn(task);
}

/** Takes a step, and more while nobody else comes before it; gives the result if the last step was among them. */
function advance(task: KernelTask): Result<unknown> | undefined {
  do {
    let step;
    try {
      step = task.advance();
    } catch (error) {
      return failed(error);
    }
    if (step.done) return Ok(step.value);
    task.enter(step.value);
  } while (takesNextTurn(task));
  return undefined;
}

const isEffect = (value: unknown): boolean =>
  typeof (value as Partial<Effect<unknown>> | null)?.enter === "function";

/** In the words of whoever wrote `yield` where it takes `yield*`, or yields what is no operation. */
function notAnEffect(value: unknown): TypeError {
  const what = typeof value === "string" ? JSON.stringify(value) : typeof value;
  return new TypeError(
    `an operation yielded ${what}; it waits by yield* and an operation, as in "yield* sleep(100)" or "yield* until(promise)"`,
  );
}
