/** A scope as effection has it, made of one object. */
import type { Context, Effect, Operation, Scope, Task } from "effection";
import {
  NAMES,
  scopeApi,
  type ErrorBoundary,
  type TaskGroup,
} from "./contract.ts";
import { ENDED, type Deferred } from "./deferred.ts";
import { DESTROY, Destructors, Hook, type Destructor } from "./destructors.ts";
import type { Kernel } from "./kernel.ts";
import { destroy } from "./teardown.ts";

interface Decorable {
  around(...args: unknown[]): Operation<void>;
}

/**
 * effection makes each scope of ten closures, two contexts tables, two sets and a future, most of which most scopes never
 * need. Here methods are on the prototype, what effection itself keeps in contexts is in fields, and the rest is made
 * when it is first asked for. (So `const { run } = scope` does not work, as it does with effection's scopes.)
 */
export class KernelScope implements Scope, Destructor {
  readonly kernel: Kernel;
  /** Undefined for the kernel's root, which has one of effection's scopes above it: `kernel.host`. */
  readonly parent: KernelScope | undefined;
  priority: number;
  /** Set where tasks report to this scope; others ask the one above. Likewise `group`. */
  boundary: ErrorBoundary | undefined = undefined;
  group: TaskGroup | undefined = undefined;
  destructors: Destructors | undefined = undefined;
  /** There once it is being destroyed. */
  destruction: Deferred<void> | undefined = undefined;
  /** What contexts have here, by name. In effection it is the prototype of those below, and what was a prototype outlives V8's cheap collections, with all that it leads to. */
  #values: Map<string, unknown> | undefined = undefined;

  // Its place in its parent's list.
  armed = 0;
  previous: Destructor | undefined = undefined;
  next: Destructor | undefined = undefined;

  constructor(kernel: Kernel, parent: KernelScope | undefined, armed: number) {
    this.kernel = kernel;
    this.parent = parent;
    if (parent === undefined) {
      this.priority = kernel.hostPriority + 1;
    } else {
      this.priority = parent.priority + 1;
      (parent.destructors ??= new Destructors()).append(this, armed);
    }
  }

  get [Symbol.toStringTag](): string {
    return "Scope";
  }

  run<T>(operation: () => Operation<T>): Task<T> {
    return this.kernel.start(this, operation).handle as Task<T>;
  }

  spawn<T>(operation: () => Operation<T>): Operation<Task<T>> {
    return { [Symbol.iterator]: () => spawning(this, operation) };
  }

  /** `around` is an operation that asks for the scope and for nothing else: here it is. */
  around(api: object, ...args: unknown[]): void {
    const decorating = (api as Decorable).around(...args);
    const asking = decorating[Symbol.iterator]();
    asking.next();
    asking.next(this);
  }

  // Contexts. Each scope sees those above it, as they are now.

  get<T>(context: Context<T>): T | undefined {
    return this.#lookup(context as Context<unknown>) as T | undefined;
  }

  #lookup(context: Context<unknown>): unknown {
    const { name } = context;
    switch (name) {
      case NAMES.priority:
        return this.priority;
      case NAMES.boundary:
        return this.findBoundary();
      case NAMES.group:
        return this.kernel.guestIn(this) ?? this.findGroup();
      case NAMES.children:
        return new Children(this);
      case NAMES.reducer:
        return this.kernel.reducerFor(this);
    }
    let scope: KernelScope = this; // oxlint-disable-line no-this-alias
    while (!scope.#values?.has(name)) {
      if (scope.parent === undefined) return scope.kernel.host.get(context);
      scope = scope.parent;
    }
    return scope.#values.get(name) ?? context.defaultValue;
  }

  expect<T>(context: Context<T>): T {
    const value = this.get(context);
    if (value !== undefined) return value;
    const error = new Error(context.name);
    error.name = "MissingContextError";
    throw error;
  }

  set<T>(context: Context<T>, value: T): T {
    if (this.#setField(context.name, value)) return value;
    if (context.name === scopeApi.context.name) this.kernel.decorated = true;
    else if (!this.kernel.plain)
      return scopeApi.invoke(this, "set", [this, context, value]) as T;
    return this.store(context, value);
  }

  delete<T>(context: Context<T>): boolean {
    if (this.#setField(context.name, undefined)) return true;
    if (!this.kernel.plain)
      return scopeApi.invoke(this, "delete", [this, context]) as boolean;
    return this.discard(context);
  }

  hasOwn<T>({ name }: Context<T>): boolean {
    switch (name) {
      case NAMES.boundary:
        return this.boundary !== undefined;
      case NAMES.group:
        return this.group !== undefined;
      case NAMES.priority:
      case NAMES.children:
        return true;
    }
    return this.#values?.has(name) ?? false;
  }

  /** What setting comes to when nobody is in between. */
  store<T>({ name }: Context<T>, value: T): T {
    (this.#values ??= new Map()).set(name, value);
    return value;
  }

  /** As effection's, true for one that was not there. */
  discard<T>({ name }: Context<T>): boolean {
    this.#values?.delete(name);
    return true;
  }

  #setField(name: string, value: unknown): boolean {
    if (name === NAMES.boundary)
      this.boundary = value as ErrorBoundary | undefined;
    else if (name === NAMES.group) this.group = value as TaskGroup | undefined;
    else if (name === NAMES.priority) this.priority = value as number;
    else
      return name === NAMES.settle && this.kernel.guestIn(this) !== undefined; // who knows of its end by itself
    return true;
  }

  findBoundary(): ErrorBoundary {
    let scope: KernelScope = this; // oxlint-disable-line no-this-alias
    while (scope.boundary === undefined) {
      if (scope.parent === undefined) return scope.kernel.hostBoundary;
      scope = scope.parent;
    }
    return scope.boundary;
  }

  findGroup(): TaskGroup {
    let scope: KernelScope = this; // oxlint-disable-line no-this-alias
    while (scope.group === undefined) {
      if (scope.parent === undefined) return scope.kernel.hostGroup;
      scope = scope.parent;
    }
    return scope.group;
  }

  // Its end. See `teardown.ts`.

  ensure(destructor: () => Operation<void>): () => boolean {
    const { guest } = this.kernel;
    return guest === undefined
      ? this.hook(destructor)
      : guest.ensure(this, destructor);
  }

  hook(destructor: () => Operation<void>): () => boolean {
    const hook = new Hook(destructor);
    const list = (this.destructors ??= new Destructors());
    list.append(hook, DESTROY);
    return () => {
      const armed = list.disarm(hook, DESTROY);
      if (armed) list.unlink(hook);
      return armed;
    };
  }

  /** What effection's `api.Scope` calls when nothing is in between. */
  destroy(): Operation<void> {
    return destroy(this);
  }

  /** Destroys it by way of `api.Scope`, which somebody may have decorated. */
  destruct(): Operation<void> {
    if (this.kernel.plain) return destroy(this);
    return scopeApi.invoke(this, "destroy", [this]) as Operation<void>;
  }

  /** Nothing is left in it to be ended. */
  get idle(): boolean {
    return (
      (this.destructors === undefined || this.destructors.empty) &&
      this.destruction === undefined &&
      this.kernel.plain
    );
  }

  /** What destroying an idle scope comes to. */
  close(): void {
    this.destruction = ENDED;
    this.leave();
    this.release();
  }

  /** The first act of its destruction: its parent has not to see to it any more. */
  leave(): void {
    if (this.parent === undefined) this.kernel.leaveHost();
    else this.parent.destructors!.disarm(this, DESTROY);
  }

  /** The last act of the first round of its destruction: its parent forgets it. */
  release(): void {
    this.parent?.destructors!.unlink(this);
  }
}

function* spawning<T>(
  scope: KernelScope,
  operation: () => Operation<T>,
): Generator<Effect<unknown>, Task<T>, unknown> {
  return scope.run(operation);
}

/** effection's Set of the scopes below, as far as anybody looks at it: an `Api` walks it when it is decorated. */
class Children {
  readonly #scope: KernelScope;

  constructor(scope: KernelScope) {
    this.#scope = scope;
  }

  *[Symbol.iterator](): Generator<KernelScope, void, unknown> {
    for (const node of this.#scope.destructors ?? [])
      if (node instanceof KernelScope && node.destruction === undefined)
        yield node;
  }
}
