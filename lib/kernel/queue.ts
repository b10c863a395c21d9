/**
 * The queue in which effection's routines and the kernel's take turns, as if they were one kind.
 *
 * It is effection's, of which there is one for all, with another list behind it: the same order at a quarter of the
 * price. effection's looks for a mark in a part of a routine that V8 keeps as a dictionary, twice a turn, and asks the
 * scope for the priority by way of its contexts; and turns are most of what a task costs.
 */
import type { Effect } from "effection";
import { contexts, probe, type Queue } from "./contract.ts";

export const reducer = contexts.reducer.defaultValue!;

/** What `step()` gives to the reducer, and `perform()` gets back: the work is done by then. */
export const STEPPED: IteratorResult<Effect<unknown>> = Object.freeze({
  done: false,
  value: undefined as never,
});

/** A routine of the kernel. */
interface OwnRoutine {
  enqueued: boolean;
}

/** One of effection's: it is marked in its data, so that reading and writing the mark has a place of its own in the code. */
interface Routine {
  readonly enqueued?: undefined;
  readonly data: { enqueued: boolean };
}

class Turns implements Queue {
  readonly #tiers: (Tier | undefined)[] = [];
  /** No routine has a lower priority, and none a higher one. */
  #min = 0;
  #max = 0;
  #size = 0;

  get empty(): boolean {
    return this.#size === 0;
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
    if (this.#size === 0) return undefined;
    const routine = this.#shift();
    if (routine.enqueued === undefined) routine.data.enqueued = false;
    else routine.enqueued = false;
    return routine;
  }

  #push(routine: OwnRoutine | Routine, priority: number): void {
    (this.#tiers[priority] ??= new Tier()).push(routine);
    if (this.#size++ === 0) this.#min = this.#max = priority;
    else if (priority < this.#min) this.#min = priority;
    else if (priority > this.#max) this.#max = priority;
  }

  #shift(): OwnRoutine | Routine {
    this.#size--;
    while (this.#tiers[this.#min]?.empty !== false) this.#min++;
    return this.#tiers[this.#min]!.shift();
  }
}

/** The routines of one priority, in the order in which they came. Its places are used again, which spares a new list for every few turns. */
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

  shift(): OwnRoutine | Routine {
    const routine = this.#routines[this.#first]!;
    this.#routines[this.#first++] = undefined;
    if (this.empty) this.#first = this.#end = 0;
    else if (this.#first === MAX_USED) this.#tidy();
    return routine;
  }

  #tidy(): void {
    this.#routines = this.#routines.slice(this.#first, this.#end);
    this.#end -= this.#first;
    this.#first = 0;
  }
}

/** Places at the front that are not used again before the tier is empty: one that never is must not grow for ever. */
const MAX_USED = 1024;

const turns = new Turns();

/** Now, as a module is loaded while nobody takes turns: `probe` could not have seen a task run otherwise. */
if (probe().length === 0) reducer.queue = turns;

/** At somebody's turn: nobody else is waiting for one. */
export function queueIsEmpty(): boolean {
  return turns.empty;
}

/** Gives a routine of the kernel one `step()` and `perform()` at its turn: `priority` is the depth of its scope. */
export function schedule(routine: OwnRoutine, priority: number): void {
  if (reducer.reducing) turns.add(routine, priority);
  else reducer.schedule(routine);
}
