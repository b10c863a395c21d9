/** Whose `AsyncLocalStorage` stores a piece of work sees. */
import {
  AsyncLocalStorage,
  AsyncResource,
  executionAsyncResource,
} from "node:async_hooks";

/**
 * The stores of `AsyncLocalStorage` as they are where this is made. What is called by `runInAsyncScope` sees them, and
 * what it enters (`enterWith`) does not get out.
 *
 * An engine calls us in one context for all requests, and one task wakes another in its own, so what runs for a request
 * is always called in a context of the request's.
 */
export class AsyncContext {
  /** Not there while nobody could see the difference: each request and each task has a context. Hot path. */
  #resource = isObserved() ? makeResource() : undefined;

  /**
   * A plain call while nobody could see the difference: to enter a context costs as much as a whole turn of a task, as
   * Node.js 20 and 22 set the length of an array behind it in the slowest way they have. Hot path.
   */
  runInAsyncScope<This, Args extends unknown[], Result>(
    call: (this: This, ...args: Args) => Result,
    thisArg?: This,
    ...args: Args
  ): Result {
    if (isObserved()) return this.#its.runInAsyncScope(call, thisArg, ...args);
    try {
      return call.apply(thisArg as This, args);
    } finally {
      if (isObserved()) this.#adopt();
    }
  }

  /** There was no store when this was made, and so there is none in what is made for it now. */
  get #its(): AsyncResource {
    if (this.#resource === undefined) {
      this.#resource = makeResource();
      moveStores(this.#resource);
    }
    return this.#resource;
  }

  /** The first store of all was entered in a plain call, and so in a context that others have, too. */
  #adopt(): void {
    moveStores(executionAsyncResource(), this.#its);
  }

  /** To be asked within it: a context with what has been entered in this one by now. */
  get now(): AsyncContext {
    return KEEPS ? this : new AsyncContext();
  }
}

/** Nobody is told of its end, so the garbage collector does not have to watch for it. */
const UNTRACKED = { requireManualDestroy: true };

const makeResource = (): AsyncResource => new AsyncResource("EDDY", UNTRACKED);

/** Node keeps stores in a context, each by a symbol. */
type Stores = Record<symbol, unknown>;

/** Without `to`, they are gone. */
function moveStores(from: object, to: object = {}): void {
  for (const store of Object.getOwnPropertySymbols(from)) {
    if (store.description !== "kResourceStore") continue;
    (to as Stores)[store] = (from as Stores)[store];
    delete (from as Stores)[store];
  }
}

/** Whether a context keeps what is entered within it, as before Node.js 24. Otherwise it has to be made anew. */
const KEEPS = ((): boolean => {
  const store = new AsyncLocalStorage<true>();
  const context = new AsyncResource("EDDY");
  context.runInAsyncScope(() => store.enterWith(true));
  const kept = context.runInAsyncScope(() => store.getStore());
  store.disable();
  return kept === true;
})();

/** How many hooks of `node:async_hooks` there are, by what they are for; of all, at `all`. */
interface Hooks {
  readonly counts: Uint32Array;
  readonly all: number;
}

const HOOKS = KEEPS ? hooksOfNode() : undefined;

let observed = HOOKS === undefined;

/**
 * Without a hook nobody has a store, nor is told of contexts. Where that is not known, somebody may. It stays true: the
 * hook of a store can be away for a moment (`AsyncLocalStorage#exit`), and what contexts keep is there all the while.
 */
const isObserved = (): boolean =>
  observed || (observed = HOOKS!.counts[HOOKS!.all]! > 0);

/** Node says it nowhere else, and warns of whoever asks here, where it may be gone some day. */
function hooksOfNode(): Hooks | undefined {
  const { noDeprecation = false } = process;
  if (!noDeprecation) process.noDeprecation = true; // with --no-deprecation it cannot be set
  try {
    const node = process as unknown as {
      binding(name: "async_wrap"): {
        readonly async_hook_fields?: Uint32Array;
        readonly constants: { readonly kTotals?: number };
      };
    };
    const { async_hook_fields: counts, constants } = node.binding("async_wrap");
    const { kTotals: all } = constants;
    return counts && all !== undefined ? { counts, all } : undefined;
  } catch {
    return undefined; // not allowed, or not there
  } finally {
    if (!noDeprecation) process.noDeprecation = false;
  }
}
