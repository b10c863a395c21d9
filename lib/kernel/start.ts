/** How a task comes into a scope, or an operation is run without one. */
import { Ok, type Effect, type Operation, type Scope } from "effection";
import { queueIsEmpty, reducer, STEPPED } from "./queue.ts";
import type { KernelScope } from "./scope.ts";
import { failed, notify, type Settle } from "./settled.ts";
import { KernelTask, resumeBody, type Begun, type Body } from "./task.ts";

/** Whoever starts an operation, and looks after its contexts. */
export interface ForkOwner {
  /** Whose contexts it sees; undefined: those of the scope that it is started in. */
  readonly contexts: Scope | undefined;
  /** The operation has become a task: what it sets can be seen there. An operation without one has set nothing. */
  began(task: Scope): void;
}

/** Starts a task. With `settled` its end is told there, and its failure nowhere else. */
export function startTask(
  owner: KernelScope,
  operation: () => Operation<unknown>,
  settled?: Settle,
  starter?: ForkOwner,
): KernelTask {
  const task = createTask(owner, operation, settled, starter);
  task.schedule();
  return task;
}

/** Starts a task that goes before its siblings' children in the queue: what a resource is in effection. */
export function startResource(
  owner: KernelScope,
  operation: () => Operation<unknown>,
): void {
  const task = createTask(owner, operation, undefined);
  task.priority = owner.priority;
  task.schedule();
}

/**
 * Runs an operation, and starts a task for it only if it does not return at its first step, as many do. A task cannot
 * be seen from within that step: an operation learns of its scope by an effect, at the second. So while nobody else
 * takes turns and nobody decorates new scopes, the first step is taken before there is a task.
 */
export function startOperation(
  owner: KernelScope,
  operation: () => Operation<unknown>,
  settled: Settle,
  starter?: ForkOwner,
): { interrupt(): void } {
  if (reducer.reducing || !owner.kernel.plain)
    return startTask(owner, operation, settled, starter);
  const first = new FirstStep(owner, operation, settled, starter);
  reducer.schedule(first);
  return first.task ?? RETURNED;
}

/** There is nothing left to be halted. */
const RETURNED = { interrupt(): void {} };

/** As a scope. There is never more than one first step in the queue, so its order there does not matter. */
const ANY_PRIORITY = { expect: () => 0 };

/** What effection's reducer sees is a routine. */
class FirstStep {
  enqueued = false;
  /** Undefined when the operation has returned. */
  task: KernelTask | undefined = undefined;
  readonly #owner: KernelScope;
  readonly #operation: () => Operation<unknown>;
  readonly #settled: Settle;
  readonly #starter: ForkOwner | undefined;

  constructor(
    owner: KernelScope,
    operation: () => Operation<unknown>,
    settled: Settle,
    starter: ForkOwner | undefined,
  ) {
    this.#owner = owner;
    this.#operation = operation;
    this.#settled = settled;
    this.#starter = starter;
  }

  get scope(): { expect(): number } {
    return ANY_PRIORITY;
  }

  step(): IteratorResult<Effect<unknown>> {
    const begun = begin(this.#operation);
    const { result } = begun;
    if (result !== undefined && queueIsEmpty())
      notify(this.#settled, result.ok ? "value" : "error", result);
    else {
      this.task = createTask(
        this.#owner,
        this.#operation,
        this.#settled,
        this.#starter,
      );
      resumeBody(this.task, begun);
    }
    return STEPPED;
  }

  perform(): void {}
}

/** Apart from `step`, which V8 compiles to more code with a `try` in it. */
function begin(operation: () => Operation<unknown>): Begun {
  let body: Body | undefined;
  try {
    body = operation()[Symbol.iterator]();
    const { done, value } = body.next();
    if (done) return { body, effect: undefined, result: Ok(value) };
    return { body, effect: value as Effect<unknown>, result: undefined };
  } catch (error) {
    return { body, effect: undefined, result: failed(error) };
  }
}

function createTask(
  owner: KernelScope,
  operation: () => Operation<unknown>,
  settled: Settle | undefined,
  starter?: ForkOwner,
): KernelTask {
  const task = owner.kernel.plain
    ? new KernelTask(owner, operation, settled)
    : askForTask(owner, operation, settled);
  if (starter !== undefined) {
    task.contexts = starter.contexts;
    starter.began(task);
  }
  task.join();
  return task;
}

/** A task is its scope, so whoever decorates the making of scopes is asked for it. */
function askForTask(
  owner: KernelScope,
  operation: () => Operation<unknown>,
  settled: Settle | undefined,
): KernelTask {
  const make = (parent: KernelScope): KernelTask =>
    new KernelTask(parent, operation, settled);
  return owner.kernel.askForScope(owner, make) as KernelTask;
}
