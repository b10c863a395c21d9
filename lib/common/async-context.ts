/** Whose `AsyncLocalStorage` stores a piece of work sees. */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";

/**
 * The stores of `AsyncLocalStorage` as they are where this is made. What is called by `runInAsyncScope` sees them, and
 * what it enters (`enterWith`) does not get out.
 *
 * An engine calls us in one context for all requests, and one task wakes another in its own, so what runs for a request
 * is always called in a context of the request's.
 */
export class AsyncContext extends AsyncResource {
  constructor() {
    super("EDDY", UNTRACKED);
  }

  /** To be asked within it: a context with what has been entered in this one by now. */
  get now(): AsyncContext {
    return KEEPS ? this : new AsyncContext();
  }
}

/** Nobody is told of its end, so the garbage collector does not have to watch for it. */
const UNTRACKED = { requireManualDestroy: true };

/** Whether a context keeps what is entered within it, as before Node.js 24. Otherwise it has to be made anew. */
const KEEPS = ((): boolean => {
  const store = new AsyncLocalStorage<true>();
  const context = new AsyncContext();
  context.runInAsyncScope(() => store.enterWith(true));
  const kept = context.runInAsyncScope(() => store.getStore());
  store.disable();
  return kept === true;
})();
