/**
 * The queue in which effection's routines and the kernel's take turns, as if they were one kind.
 *
 * It is effection's reducer, of which there is one for all, with another list behind it that keeps the same order.
 * Turns are most of what a task costs, and effection's own list is slow: twice a turn it looks for a mark in a part of
 * the routine that V8 keeps as a dictionary, and it asks the scope for the priority by way of its contexts.
 */
import type { Effect } from "effection";
import {
  contexts,
  probe,
  QUEUE,
  QUEUE_VERSION,
  type Queue,
} from "./contract.ts";

export const reducer = contexts.reducer.defaultValue!;

/** What `step()` returns to the reducer, which hands it to `perform()`: the work is done by then. */
export const STEPPED: IteratorResult<Effect<unknown>> = Object.freeze({
  done: false,
  value: undefined as never,
});

/** A routine of the kernel. */
interface OwnRoutine {
  enqueued: boolean;
}

/** One of effection's. Its mark is in its data, and is read and written apart from that of others: hot path. */
interface Routine {
  readonly enqueued?: undefined;
  readonly data: { enqueued: boolean };
}

class RoutineQueue implements Queue {
  readonly [QUEUE] = QUEUE_VERSION;
  /** Goes before all that are in the tiers. Most of the time those are empty. */
  #next: OwnRoutine | Routine | undefined = undefined;
  #nextPriority = 0;
  readonly #tiers: (Tier | undefined)[] = [];
  /** How many are in the tiers. */
  #size = 0;
  /** None in the tiers has a lower priority. */
  #min = 0;

  get empty(): boolean {
    return this.#next === undefined && this.#size === 0;
  }

  /** Whether one of this priority that comes now goes before all others. False also where that is not known. */
  isFirst(priority: number): boolean {
    if (this.#next !== undefined) return priority < this.#nextPriority;
    return this.#size === 0 || priority < this.#min;
  }

  enqueue(routine: OwnRoutine | Routine, priority: number): void {
    if (routine.enqueued !== undefined) return this.add(routine, priority);
    if (routine.data.enqueued) return;
    routine.data.enqueued = true;
    this.#push(routine, priority);
  }

  add(routine: OwnRoutine, priority: number): void {
    if (routine.enqueued) return;
    routine.enqueued = true;
    this.#push(routine, priority);
  }

  dequeue(): OwnRoutine | Routine | undefined {
    const routine = this.#next ?? this.#shift();
    this.#next = undefined;
    if (routine === undefined) return undefined;
    if (routine.enqueued === undefined) routine.data.enqueued = false;
    else routine.enqueued = false;
    return routine;
  }

  /** As `dequeue`, if this one is next. */
  dequeueIfNext(routine: OwnRoutine): boolean {
    if (this.#next !== routine) return false;
    this.#next = undefined;
    routine.enqueued = false;
    return true;
  }

  #push(routine: OwnRoutine | Routine, priority: number): void {
    if (!this.isFirst(priority)) return this.#tier(priority).push(routine);
    if (this.#next !== undefined)
      this.#tier(this.#nextPriority).unshift(this.#next);
    this.#next = routine;
    this.#nextPriority = priority;
  }

  /** That of a priority. One more is going to be put into it. */
  #tier(priority: number): Tier {
    if (this.#size++ === 0 || priority < this.#min) this.#min = priority;
    return (this.#tiers[priority] ??= new Tier());
  }

  #shift(): OwnRoutine | Routine | undefined {
    if (this.#size === 0) return undefined;
    this.#size--;
    while (this.#tiers[this.#min]?.empty !== false) this.#min++;
    return this.#tiers[this.#min]!.shift();
  }
}

/**
 * The routines of one priority, in the order in which they came. Its places are used again: a new list would be
 * allocated every few turns.
 */
class Tier {
  #routines: (OwnRoutine | Routine | undefined)[] = [];
  #first = 0;
  #end = 0;

  get empty(): boolean {
    return this.#first === this.#end;
  }

  push(routine: OwnRoutine | Routine): void {
    this.#routines[this.#end++] = routine;
  }

  /** In front of all others: it came before them. */
  unshift(routine: OwnRoutine | Routine): void {
    if (this.#first === 0) this.#move(1);
    this.#routines[--this.#first] = routine;
  }

  shift(): OwnRoutine | Routine {
    const routine = this.#routines[this.#first]!;
    this.#routines[this.#first++] = undefined;
    if (this.empty) this.#first = this.#end = 0;
    else if (this.#first === MAX_USED) this.#move(0);
    return routine;
  }

  #move(first: number): void {
    const waiting = this.#routines.slice(this.#first, this.#end);
    this.#routines = [...Array<undefined>(first), ...waiting];
    this.#first = first;
    this.#end = first + waiting.length;
  }
}

/** Places at the front that are left unused until the tier is empty. It may never be, and must not grow for ever. */
const MAX_USED = 1024;

/** That of another copy of eddy, which has the same effection; or one that takes the place of effection's. */
function queueOfAll(): RoutineQueue {
  const there = reducer?.queue as RoutineQueue | undefined;
  if (there?.[QUEUE] === QUEUE_VERSION) return there;
  const own = new RoutineQueue();
  // No routine is lost: while a module is loaded nobody takes turns, or `probe` could not have seen a task run.
  if (probe().length === 0) reducer.queue = own;
  return own;
}

/** Not exported: V8 takes it for a constant then, in the functions below. Hot path. */
const queue = queueOfAll();

/** At a turn: whether nobody waits for one. */
export function queueIsEmpty(): boolean {
  return queue.empty;
}

/** At a turn: whether a routine that is scheduled now, with this priority, is next. */
export function wouldBeNext(priority: number): boolean {
  return queue.isFirst(priority);
}

/** At the end of a routine's turn: whether the next one is its own, too. If so, it is not in the queue any more. */
export function takesNextTurn(routine: OwnRoutine): boolean {
  return queue.dequeueIfNext(routine);
}

/** Gives a routine of the kernel one `step()` and `perform()` at its turn: `priority` is the depth of its scope. */
export function schedule(routine: OwnRoutine, priority: number): void {
  if (reducer.reducing) queue.add(routine, priority);
  else reducer.schedule(routine);
}
