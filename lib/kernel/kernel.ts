/** What the scopes of one `attach` share, and how a task comes into one of them. */
import { global, type Context, type Operation, type Scope } from "effection";
import { api } from "effection/experimental";
import {
  contexts,
  scopeApi,
  type ApiEntry,
  type ErrorBoundary,
  type InternalScope,
  type Reducer,
  type TaskGroup,
} from "./contract.ts";
import { DESTROY } from "./destructors.ts";
import type { Begun } from "./first-step.ts";
import { Guest } from "./guest.ts";
import { resumeBody } from "./phases.ts";
import { reducer } from "./queue.ts";
import { KernelScope } from "./scope.ts";
import type { Settle } from "./settled.ts";
import { KernelTask } from "./task.ts";

type Key = Context<unknown>;

interface Start {
  operation: () => Operation<unknown>;
  settled: Settle | undefined;
}

export class Kernel {
  /** effection's scope above the root. */
  readonly host: InternalScope;
  readonly root: KernelScope;
  /** Somebody decorates `api.Scope`, here or above: from now on they are asked at each step. */
  decorated = false;
  readonly #entry: ApiEntry;
  readonly #handle: object;
  readonly #unbind: () => unknown;
  /** The one that effection is making. */
  guest: Guest | undefined = undefined;
  /** A task on its way through decorators. */
  #starting: Start | undefined;

  constructor(host: Scope) {
    this.host = host as InternalScope;
    this.root = new KernelScope(this, undefined, 0);
    this.#unbind = this.host.ensure(() => this.root.destruct());
    host.expect(contexts.children).add(this.root);
    // From here on effection's own operations (`scoped`, `resource`, `createScope`) get kernel scopes below the root.
    this.root.around(
      api.Scope,
      {
        create: ([parent]: [KernelScope]) => {
          const scope = this.#build(parent);
          return [scope, () => scope.destruct()];
        },
        set: ([scope, context, value]: [KernelScope, Key, unknown]) =>
          scope.store(context, value),
        delete: ([scope, context]: [KernelScope, Key]) =>
          scope.discard(context),
      },
      { at: "min" },
    );
    this.#entry = this.root.expect(scopeApi.context);
    this.#handle = this.#entry.handle;
    this.decorated = isDecorated(host);
  }

  /** Nobody decorates `api.Scope`, and its detours can be left out. */
  get plain(): boolean {
    return !this.decorated && this.#entry.handle === this.#handle;
  }

  get hostPriority(): number {
    return this.host.expect(contexts.priority);
  }

  get hostBoundary(): ErrorBoundary {
    return this.host.expect(contexts.boundary);
  }

  get hostGroup(): TaskGroup {
    return this.host.expect(contexts.group);
  }

  leaveHost(): void {
    this.host.expect(contexts.children).delete(this.root);
    this.#unbind();
  }

  createScope(parent: KernelScope): KernelScope {
    if (this.plain) return new KernelScope(this, parent, DESTROY);
    return this.#invokeCreate(parent);
  }

  /** Starts a task. With `settled` its end goes there, and its failure nowhere else. */
  start(
    owner: KernelScope,
    operation: () => Operation<unknown>,
    settled?: Settle,
  ): KernelTask {
    const task = this.#create(owner, { operation, settled });
    task.schedule();
    return task;
  }

  /** A task for an operation that has taken its first step already. */
  resume(owner: KernelScope, start: Start, begun: Begun): KernelTask {
    const task = this.#create(owner, start);
    resumeBody(task, begun);
    return task;
  }

  /** Starts a task that goes before its siblings' children in the queue: what a resource is in effection. */
  startResource(owner: KernelScope, operation: () => Operation<unknown>): void {
    const task = this.#create(owner, { operation, settled: undefined });
    task.priority = owner.priority;
    task.schedule();
  }

  #create(owner: KernelScope, start: Start): KernelTask {
    const task = this.plain
      ? new KernelTask(this, owner, start.operation, start.settled)
      : this.#createDecorated(owner, start);
    task.join();
    return task;
  }

  #createDecorated(owner: KernelScope, start: Start): KernelTask {
    const outer = this.#starting; // a decorator may start tasks itself
    this.#starting = start;
    try {
      return this.#invokeCreate(owner) as KernelTask;
    } finally {
      this.#starting = outer;
    }
  }

  #invokeCreate(parent: KernelScope): KernelScope {
    const [scope] = scopeApi.invoke(parent, "create", [parent]) as [
      KernelScope,
    ];
    return scope;
  }

  /** The one that effection is making in this scope. */
  guestIn(scope: KernelScope): Guest | undefined {
    return this.guest?.livesIn(scope) ? this.guest : undefined;
  }

  /** effection asks for the reducer of a scope that it has just made: the first thing that it does to make a task. Where somebody decorates scopes, it is left to it. */
  reducerFor(scope: KernelScope): Pick<Reducer, "schedule"> {
    if (!this.plain) return reducer;
    return (this.guest = new Guest(scope));
  }

  /** A task is its scope: the first scope that is made for one is it. */
  #build(parent: KernelScope): KernelScope {
    const start = this.#starting;
    if (start === undefined) return new KernelScope(this, parent, DESTROY);
    this.#starting = undefined;
    return new KernelTask(this, parent, start.operation, start.settled);
  }
}

/** effection itself decorates its global scope with the one function that makes scopes. */
function isDecorated(host: Scope): boolean {
  const entry = host.expect(scopeApi.context);
  const { max, min = {} } = entry.local;
  return (
    entry !== global.expect(scopeApi.context) ||
    max !== undefined ||
    Object.keys(min).join() !== "create"
  );
}
