/**
 * The queue in which effection's routines and the kernel's take turns, as if they were one kind.
 *
 * It is effection's, of which there is one for all, with another list behind it: the same order at a third of the
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
  /** Goes before all that are in the tiers. Most of the time there is nobody else. */
  #next: OwnRoutine | Routine | undefined = undefined;
  #nextPriority = 0;
  readonly #tiers: (Tier | undefined)[] = [];
  /** How many are in the tiers, and none of a lower priority than this. */
  #size = 0;
  #min = 0;

  get empty(): boolean {
    return this.#next === undefined && this.#size === 0;
  }

  /** Whether one of this priority that comes now goes before all others. Not always known when it does. */
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

  /** As `dequeue`, if it is this one's turn. */
  take(routine: OwnRoutine): boolean {
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

  /** That of a priority, in which there will be one more. */
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

/** Places at the front that are not used again before the tier is empty: one that never is must not grow for ever. */
const MAX_USED = 1024;

const turns = new Turns();

/** Now, as a module is loaded while nobody takes turns: `probe` could not have seen a task run otherwise. */
if (probe().length === 0) reducer.queue = turns;

/** At somebody's turn: nobody else is waiting for one. */
export function queueIsEmpty(): boolean {
  return turns.empty;
}

/** At somebody's turn: what is scheduled now, with this priority, is next. */
export function wouldBeNext(priority: number): boolean {
  return turns.isFirst(priority);
}

/** At the end of a routine's turn: it has been scheduled again, and the next turn is its own, too. It is not in the queue any more then. */
export function takesNextTurn(routine: OwnRoutine): boolean {
  return turns.take(routine);
}

/** Gives a routine of the kernel one `step()` and `perform()` at its turn: `priority` is the depth of its scope. */
export function schedule(routine: OwnRoutine, priority: number): void {
  if (reducer.reducing) turns.add(routine, priority);
  else reducer.schedule(routine);
}
