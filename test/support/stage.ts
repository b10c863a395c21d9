/** Plays a case in a world and keeps what it notes. */
import type { Task } from "effection";
import { api } from "effection/experimental";
import { Clock, settle } from "./clock.ts";
import { show } from "./show.ts";
import type { Opened, Operations, World } from "./worlds.ts";

/** What a case has: the operations of the world, a scope whose failing tasks are noted, and its own notebook. */
export interface Stage extends Operations, Opened {
  readonly api: typeof api;
  readonly target: EventTarget;
  /** Adds a line to the trace; an operation can use its result. */
  note: (...what: unknown[]) => void;
  /** Notes how a promise ends, under a name. */
  ending: (name: string, promise: PromiseLike<unknown>) => Promise<void>;
  /** A promise for later, by the clock. */
  later: <T>(delay: number, value: T) => Promise<T>;
  /** How many timers are waiting. */
  timers: () => number;
  /** Lets everything run that does not wait for the clock. */
  settle: () => Promise<void>;
}

export interface Case {
  play: (stage: Stage) => Promise<unknown> | Task<unknown> | void;
  /** What is noted, line by line, where that is short. */
  trace?: string[];
}

/** A title, which is a sentence, for each case. */
export type Topic = Record<string, Case>;

export async function perform({ play }: Case, world: World): Promise<string[]> {
  const clock = new Clock();
  const trace: string[] = [];
  const note = (...what: unknown[]): void =>
    void trace.push(what.map(show).join(" "));
  const nursery = world.open((error) => note("boundary", error));
  const stage: Stage = {
    ...world.operations,
    ...nursery,
    api,
    target: new EventTarget(),
    note,
    settle,
    timers: () => clock.pending,
    ending: async (name, promise) =>
      await promise.then(
        (value) => note(name, "ends", value),
        (error: unknown) => note(name, "fails", error),
      ),
    later: (delay, value) =>
      new Promise((resolve) => setTimeout(resolve, delay, value)),
  };

  const leave = world.enter();
  clock.install();
  try {
    await run(clock, Promise.resolve(play(stage)));
    const destroyed = nursery.destroy();
    await run(
      clock,
      destroyed.catch((error: unknown) => note("destroy fails", error)),
    );
    return trace;
  } finally {
    clock.uninstall();
    leave();
  }
}

const PATIENCE = 5; // turns without a timer; a case may wait for a turn itself

/** Lets time pass until a promise is settled. */
async function run(clock: Clock, promise: Promise<unknown>): Promise<void> {
  let over = false;
  const end = (): void => void (over = true);
  promise.then(end, end);
  await settle();
  for (let idle = 0; !over && idle < PATIENCE; idle++) {
    if (clock.advance()) idle = 0;
    await settle();
  }
  if (!over) throw new Error("It waits for ever.");
  await promise;
}
