/**
 * What the kernel relies on and effection does not promise. effection is pinned to one version. This tells when
 * another one is installed all the same: then `fork.ts` does not use the kernel, and everything runs on effection's
 * own tasks.
 */
import {
  createContext,
  createScope,
  type Context,
  type Coroutine,
  type Operation,
  type Scope,
} from "effection";
import { api } from "effection/experimental";

/** effection's contexts, by what they are for. The contexts are private, but scopes find values by their names. */
export const NAMES = {
  /** The queue that all routines share. */
  reducer: "@effection/reducer",
  /** Who is told of the end of a routine. */
  settle: "@effection/coroutine.settle",
  /** Where a failing task reports. */
  boundary: "@effection/error-boundary",
  /** The tasks that end with the body that started them. */
  group: "@effection/task-group",
  /** The depth of a scope, by which the queue is ordered. */
  priority: "@effection/scope.generation",
  /** The scopes below a scope, which `around` tells. */
  children: "@effection/scope.children",
} as const;

export interface ErrorBoundary {
  raise(error: Error): void;
}

export interface TaskGroup {
  readonly tasks: Set<Member>;
}

/** A task, or what stands for one. `halt` is called unbound. */
export interface Member {
  readonly halt: () => Operation<void>;
}

/** Gives each scheduled routine one `step()` and `perform()` at its turn. */
export interface Reducer {
  schedule(routine: unknown): void;
  readonly reducing: boolean;
  /** Read each time that somebody begins to take turns. */
  queue: Queue;
}

/**
 * On a queue of eddy's: what it can do, as a number. Two copies of eddy that share one effection share its queue, too,
 * and one that knows another number stays on effection's own tasks.
 */
export const QUEUE = Symbol.for("eddy:queue");
export const QUEUE_VERSION = 1;

/** Ordered by priority; routines of the same priority come in the order in which they were scheduled. */
export interface Queue {
  /** Does nothing for a routine that is in it. */
  enqueue(routine: unknown, priority: number): void;
  dequeue(): unknown;
}

/** A scope as effection's own parts see it. */
export interface InternalScope extends Scope {
  ensure(destructor: () => Operation<void>): () => unknown;
  destroy(): Operation<void>;
}

/** An `Api` as effection's own parts see it. */
interface InternalApi {
  readonly core: Record<string, unknown>;
  readonly context: Context<ApiEntry>;
  invoke(scope: Scope, method: string, args: unknown[]): unknown;
}

/** What decorating an `Api` leaves in a scope. */
export interface ApiEntry {
  readonly local: { min?: object; max?: object };
  /** The decorated methods: another object after each change. */
  readonly handle: object;
}

export const scopeApi = api.Scope as unknown as InternalApi;

/** A task as effection runs it. */
export interface Observation {
  /** The contexts that were asked for, by name. */
  readonly contexts: Map<string, Context<unknown>>;
  /** What effection asks of the task's scope and of its owner's while it makes the task, in order. */
  readonly making: Set<string>;
  /** Passes through the queue before the body's first step, and in all. */
  passesBefore: number;
  passes: number;
  routine?: Coroutine;
  scope?: InternalScope;
  /** effection's own queue. */
  queue?: Queue | undefined;
}

/** Lets effection run one task that does nothing, and watches it: there is no other way to its private parts. */
function observe(): Observation {
  const seen: Observation = {
    contexts: new Map(),
    making: new Set(),
    passesBefore: 0,
    passes: 0,
  };
  const outer = createScope();
  watch(outer, seen);
  outer.around(api.Scope, {
    create([parent], next) {
      const created = next(parent);
      watch((seen.scope = created[0] as InternalScope), seen);
      return created;
    },
  });
  void outer.run(function* () {
    seen.passesBefore = seen.passes;
    yield {
      description: "observe",
      enter(resolve, routine) {
        seen.routine = routine;
        resolve({ ok: true, value: undefined });
        return (left) => left({ ok: true, value: undefined });
      },
    };
    seen.passes--; // the pass of the effect above
  });
  void outer[Symbol.asyncDispose]();
  const reducer = seen.contexts.get(NAMES.reducer) as
    Context<Reducer> | undefined;
  seen.queue = reducer?.defaultValue?.queue;
  return seen;
}

/** Notes which contexts a scope is asked for; each pass through the queue asks for the priority. */
function watch(scope: Scope, seen: Observation): void {
  const original = { ...Object.getPrototypeOf(scope) } as InternalScope; // effection's methods need no "this"
  const note = <T>(context: Context<T>): Context<T> => {
    seen.contexts.set(context.name, context as Context<unknown>);
    noteMaking(context.name);
    return context;
  };
  const noteMaking = (what: string): void => {
    if (what === NAMES.reducer) seen.making.clear(); // what comes before makes the scope
    if (seen.passes === 0) seen.making.add(what);
  };
  Object.assign(scope, {
    get: <T>(context: Context<T>) => original.get(note(context)),
    set: <T>(context: Context<T>, value: T) =>
      original.set(note(context), value),
    expect<T>(context: Context<T>) {
      if (context.name === NAMES.priority) seen.passes++;
      return original.expect(note(context));
    },
    ensure(destructor: () => Operation<void>) {
      noteMaking(scope === seen.scope ? "scope.ensure" : "owner.ensure");
      return original.ensure(destructor);
    },
  });
}

/** Changed by tests only. */
export const observed: Observation = observe();

const contextNamed = <T>(name: string): Context<T> =>
  (observed.contexts.get(name) ?? createContext<T>(name)) as Context<T>;

/** effection's own keys. The defaults of `reducer` and `group` are objects that cannot be had otherwise. */
export const contexts = {
  reducer: contextNamed<Reducer>(NAMES.reducer),
  boundary: contextNamed<ErrorBoundary>(NAMES.boundary),
  group: contextNamed<TaskGroup>(NAMES.group),
  priority: contextNamed<number>(NAMES.priority),
  children: contextNamed<Set<Scope>>(NAMES.children),
};

/** Passes of an empty task: three that set it up, and four for its body and its end. See the turns in `task.ts`. */
const PASSES_BEFORE = 4;
const PASSES = 7;

/** What effection asks for while it makes a task, in order. See `effection-task.ts`. */
const MAKING = [
  NAMES.reducer,
  NAMES.settle,
  scopeApi.context.name,
  NAMES.group,
  "owner.ensure",
  "scope.ensure",
];

/** What is not as the kernel needs it, a sentence each; empty when all is as it should be. */
export function probe(seen: Observation = observed): string[] {
  const { contexts, scope, routine, queue } = seen;
  const valueOf = (name: string): unknown => contexts.get(name)?.defaultValue;
  return [
    ...missingContexts(seen),
    ...missingMembers("the reducer", valueOf(NAMES.reducer), {
      function: ["schedule"],
      boolean: ["reducing"],
    }),
    ...missingMembers("the default task group", valueOf(NAMES.group), {
      object: ["tasks"],
    }),
    ...missingMembers("a scope", scope, { function: ["ensure"] }),
    ...missingMembers("a routine", routine, {
      object: ["scope", "data"],
      function: ["resume", "unwind", "step", "perform"],
    }),
    ...missingMembers("a routine's data", routine?.data, {
      function: ["exit"],
      object: ["resumeWith"],
      boolean: ["enqueued", "critical", "unwinding"],
    }),
    ...missingMembers("the reducer's queue", queue, {
      function: ["enqueue", "dequeue"],
    }),
    ...missingMembers("the Scope api", scopeApi, {
      object: ["core", "context"],
      function: ["invoke", "around"],
    }),
    ...missingMembers("the Scope api's core", scopeApi.core, {
      function: ["create", "destroy", "set", "delete"],
    }),
    ...changedMaking(seen),
    ...changedPasses(seen),
    ...otherVersion(queue),
  ];
}

function missingContexts({ contexts }: Observation): string[] {
  return Object.entries(NAMES)
    .filter(([, name]) => !contexts.has(name))
    .map(
      ([use, name]) => `effection no longer has the context ${name} (${use})`,
    );
}

/** `members`: their names, by what `typeof` says of them. */
function missingMembers(
  what: string,
  value: unknown,
  members: Readonly<Record<string, readonly string[]>>,
): string[] {
  const found = (value ?? {}) as Record<string, unknown>;
  return Object.entries(members).flatMap(([type, names]) =>
    names
      .filter((name) => typeof found[name] !== type)
      .map((name) => `${what} of effection has no ${type} "${name}"`),
  );
}

function changedMaking({ making }: Observation): string[] {
  const found = [...making].join(", ");
  const known = MAKING.join(", ");
  return found === known
    ? []
    : [`effection makes a task by ${found}; the kernel knows ${known}`];
}

function changedPasses({ passesBefore, passes }: Observation): string[] {
  if (passesBefore === PASSES_BEFORE && passes === PASSES) return [];
  return [
    `effection takes ${passes} passes for an empty task, its body at the ${passesBefore}th; the kernel takes ${PASSES} and ${PASSES_BEFORE}`,
  ];
}

function otherVersion(queue: unknown): string[] {
  const { [QUEUE]: version } = (queue ?? {}) as { [QUEUE]?: number };
  return version === undefined || version === QUEUE_VERSION
    ? []
    : [
        `another copy of eddy has a queue of version ${version}; this one knows ${QUEUE_VERSION}`,
      ];
}
