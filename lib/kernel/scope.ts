/** A scope as effection has it, and what the scopes of one `attach` share. */
import {
  global,
  unbox,
  type Context,
  type Operation,
  type Result,
  type Scope,
  type Task,
} from "effection";
import { api } from "effection/experimental";
import {
  contexts,
  NAMES,
  scopeApi,
  type ApiEntry,
  type ErrorBoundary,
  type InternalScope,
  type TaskGroup,
} from "./contract.ts";
import { DESTROY, Destructors, type Destructor } from "./destructors.ts";
import { Deferred, ENDED, UNIT, type Steps } from "./effects.ts";
import { EffectionTask } from "./effection-task.ts";
import { reducer } from "./queue.ts";
import { failed } from "./settled.ts";

/** Where tasks report to. */
interface Boundary extends ErrorBoundary {
  /** What whoever runs a task in its scope is told once that has ended. */
  readonly ended?: (() => Error) | undefined;
}

interface Decorable {
  around(...args: unknown[]): Operation<void>;
}

/**
 * effection makes each scope of ten closures, two tables of contexts, two sets and a future, most of which most scopes
 * never need. Here methods are on the prototype (so `const { run } = scope` does not work, as it does with effection's
 * scopes), what effection itself keeps in contexts is in fields, and the rest is made when it is first asked for.
 */
export class KernelScope implements Scope, Destructor {
  readonly kernel: Kernel;
  /** Undefined for the kernel's root, which has one of effection's scopes above it: `kernel.outerScope`. */
  readonly parent: KernelScope | undefined;
  priority: number;
  /** Set where tasks report to this scope; others ask the one above. Likewise `group`. */
  boundary: Boundary | undefined = undefined;
  group: TaskGroup | undefined = undefined;
  /** Whose contexts it sees, where those are not its parent's. */
  contexts: Scope | undefined = undefined;
  destructors: Destructors | undefined = undefined;
  /** Set as soon as it is being destroyed. */
  destruction: Deferred<void> | undefined = undefined;
  /**
   * The values of contexts here, by name. effection has an object that is the prototype of those below; V8 moves
   * prototypes to the old part of its heap, and with them all that they lead to.
   */
  #values: Map<string, unknown> | undefined = undefined;

  // Its place in its parent's list.
  armed = 0;
  previous: Destructor | undefined = undefined;
  next: Destructor | undefined = undefined;

  constructor(kernel: Kernel, parent: KernelScope | undefined, armed: number) {
    this.kernel = kernel;
    this.parent = parent;
    if (parent === undefined) {
      this.priority = kernel.outerScope.expect(contexts.priority) + 1;
    } else {
      this.priority = parent.priority + 1;
      (parent.destructors ??= new Destructors()).append(this, armed);
    }
  }

  get [Symbol.toStringTag](): string {
    return "Scope";
  }

  /** As in effection a scope that has ended runs tasks all the same, unless its boundary knows better. */
  run<T>(operation: () => Operation<T>): Task<T> {
    if (this.destruction?.settled && this.boundary?.ended !== undefined)
      throw this.boundary.ended();
    return this.kernel.startTask(this, operation).handle as Task<T>;
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

  // Contexts. Each scope sees those above it, or of another one that it was given, as they are now.

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
        return this.#making ?? this.findGroup();
      case NAMES.children:
        return this.#children;
      case NAMES.reducer:
        // Asked for in a new scope, this is the first step of effection's to make a task in it.
        if (!this.kernel.plain) return reducer; // whoever decorates scopes sees effection do all of it
        return (this.kernel.making = new EffectionTask(this));
    }
    let scope: KernelScope = this; // oxlint-disable-line no-this-alias
    while (!scope.#values?.has(name)) {
      const { above } = scope;
      if (!(above instanceof KernelScope)) return above.get(context);
      scope = above;
    }
    return scope.#values.get(name) ?? context.defaultValue;
  }

  /** Where contexts are looked for that it does not have itself. */
  get above(): Scope {
    return this.contexts ?? this.parent ?? this.kernel.outerScope;
  }

  /** From now on it sees the contexts of `scope`, unless that sees its own. */
  seeContextsOf(scope: Scope): void {
    let one = scope;
    while (one instanceof KernelScope && one !== this) one = one.above;
    if (one !== this) this.contexts = scope;
  }

  /** The task that effection is making in this scope. */
  get #making(): EffectionTask | undefined {
    const { making } = this.kernel;
    return making?.isIn(this) ? making : undefined;
  }

  /** An `Api` tells them when it is decorated. */
  get #children(): KernelScope[] {
    return [...(this.destructors ?? [])].filter(
      (node) => node instanceof KernelScope && node.destruction === undefined,
    ) as KernelScope[];
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
    if (name === NAMES.boundary) return this.boundary !== undefined;
    if (name === NAMES.group) return this.group !== undefined;
    if (name === NAMES.priority || name === NAMES.children) return true;
    return this.#values?.has(name) ?? false;
  }

  /** What `set` does when nobody decorates it. */
  store<T>({ name }: Context<T>, value: T): T {
    (this.#values ??= new Map()).set(name, value);
    return value;
  }

  /** What `delete` does when nobody decorates it. As in effection, true even if there was nothing to delete. */
  discard<T>({ name }: Context<T>): boolean {
    this.#values?.delete(name);
    return true;
  }

  #setField(name: string, value: unknown): boolean {
    if (name === NAMES.boundary) this.boundary = value as Boundary | undefined;
    else if (name === NAMES.group) this.group = value as TaskGroup | undefined;
    else if (name === NAMES.priority) this.priority = value as number;
    else return name === NAMES.settle && this.#making !== undefined; // an EffectionTask sees its own end
    return true;
  }

  findBoundary(): ErrorBoundary {
    return (
      this.boundary ??
      this.parent?.findBoundary() ??
      this.kernel.outerScope.expect(contexts.boundary)
    );
  }

  findGroup(): TaskGroup {
    return (
      this.group ??
      this.parent?.findGroup() ??
      this.kernel.outerScope.expect(contexts.group)
    );
  }

  // Its end.

  ensure(destructor: () => Operation<void>): () => boolean {
    const { making } = this.kernel;
    return making === undefined
      ? this.hook(destructor)
      : making.ensure(this, destructor);
  }

  hook(destructor: () => Operation<void>): () => boolean {
    const hook: Destructor = {
      armed: 0,
      previous: undefined,
      next: undefined,
      destruct: destructor,
    };
    const list = (this.destructors ??= new Destructors());
    list.append(hook, DESTROY);
    return () => {
      const armed = list.disarm(hook, DESTROY);
      if (armed) list.unlink(hook);
      return armed;
    };
  }

  /** Destroys it by way of `api.Scope`, which somebody may have decorated. */
  destruct(): Operation<void> {
    if (this.kernel.plain) return this.destroy();
    return scopeApi.invoke(this, "destroy", [this]) as Operation<void>;
  }

  /** Ends what is in it, the latest first and one after the other. One that fails does not keep the others from it. */
  *destroy(): Steps {
    if (this.destruction !== undefined) {
      do yield this.destruction;
      while (!this.destruction.settled);
      return;
    }
    const destruction = (this.destruction = new Deferred<void>());
    let outcome: Result<void> = UNIT;
    this.leave();
    try {
      do {
        for (const destruct of this.destructors?.drain() ?? [])
          try {
            yield* destruct();
          } catch (error) {
            outcome = failed(error); // the last one counts
          }
        this.release();
      } while (this.destructors !== undefined && !this.destructors.empty);
    } finally {
      destruction.settle(outcome);
    }
    unbox(outcome);
  }

  /** Nothing is left in it to be ended. */
  get idle(): boolean {
    return (
      (this.destructors === undefined || this.destructors.empty) &&
      this.destruction === undefined &&
      this.kernel.plain
    );
  }

  /** Destroys an idle scope. */
  close(): void {
    this.destruction = ENDED;
    this.leave();
    this.release();
  }

  /** The first act of its destruction: its parent does not have to destroy it any more. */
  leave(): void {
    if (this.parent === undefined) this.kernel.leaveOuterScope();
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
): Steps<Task<T>> {
  return scope.run(operation);
}

type StartTask = (
  owner: KernelScope,
  operation: () => Operation<unknown>,
) => { readonly handle: Task<unknown> };

type MakeScope = (parent: KernelScope) => KernelScope;
type Key = Context<unknown>;

/** What the scopes of one `attach` share. */
export class Kernel {
  /** effection's scope above the root. */
  readonly outerScope: InternalScope;
  /** Given to it, because a task is a scope, too, and defined on top of this file. */
  readonly startTask: StartTask;
  readonly root: KernelScope;
  /** Somebody decorates `api.Scope`, here or above: from now on they are asked at each step. */
  decorated = false;
  /** The task that effection is making. */
  making: EffectionTask | undefined = undefined;
  readonly #entry: ApiEntry;
  readonly #handle: object;
  readonly #unhook: () => unknown;
  /** Makes the scope that decorators have been asked for. */
  #make: MakeScope | undefined = undefined;

  constructor(outerScope: Scope, startTask: StartTask) {
    this.outerScope = outerScope as InternalScope;
    this.startTask = startTask;
    this.root = new KernelScope(this, undefined, 0);
    this.#unhook = this.outerScope.ensure(() => this.root.destruct());
    outerScope.expect(contexts.children).add(this.root);
    // From here on effection's own operations (`scoped`, `resource`, `createScope`) get kernel scopes below the root.
    this.root.around(
      api.Scope,
      {
        create: ([parent]: [KernelScope]) => {
          const scope = this.#create(parent);
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
    this.decorated = isDecorated(outerScope);
  }

  /** Nobody decorates `api.Scope`, and its detours can be left out. */
  get plain(): boolean {
    return !this.decorated && this.#entry.handle === this.#handle;
  }

  leaveOuterScope(): void {
    this.outerScope.expect(contexts.children).delete(this.root);
    this.#unhook();
  }

  createScope(parent: KernelScope): KernelScope {
    if (this.plain) return new KernelScope(this, parent, DESTROY);
    return this.askForScope(parent);
  }

  /** Asks those who decorate `api.Scope` for a scope; `make` where it is to be a task. */
  askForScope(parent: KernelScope, make?: MakeScope): KernelScope {
    const outer = this.#make; // a decorator may start tasks itself
    this.#make = make;
    try {
      const [scope] = scopeApi.invoke(parent, "create", [parent]) as [
        KernelScope,
      ];
      return scope;
    } finally {
      this.#make = outer;
    }
  }

  /** The first scope that is made for a task is the task. */
  #create(parent: KernelScope): KernelScope {
    const make = this.#make;
    this.#make = undefined;
    return make?.(parent) ?? new KernelScope(this, parent, DESTROY);
  }
}

/** effection itself decorates its global scope with the one function that makes scopes. */
function isDecorated(outerScope: Scope): boolean {
  const entry = outerScope.expect(scopeApi.context);
  const { max, min = {} } = entry.local;
  return (
    entry !== global.expect(scopeApi.context) ||
    max !== undefined ||
    Object.keys(min).join() !== "create"
  );
}
