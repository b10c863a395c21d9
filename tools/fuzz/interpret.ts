/** Runs a program in a world, on a clock of its own, and tells all that happened. */
import { createContext, type Operation } from "effection";
import { api } from "effection/experimental";
import { Clock, settle } from "../../test/support/clock.ts";
import { show } from "../../test/support/show.ts";
import type { World } from "../../test/support/worlds.ts";
import { catchUnhandled, openHost, type Note } from "./surroundings.ts";
import type { Program } from "./program.ts";

type Root = () => Operation<unknown>;
type Compiled = (names: object) => Root;

const END = 40; // a program that is not over by then is ended from outside
const LONGEST = 3000; // entries

const PRELUDE = `
const { action, all, allSettled, call, createChannel, createContext, createQueue, createScope, createSignal, each,
  ensure, interval, lift, on, once, race, resource, scoped, sleep, spawn, stream, suspend, until, useAbortSignal,
  useScope, using, withResolvers, Ok, Err } = operations;
const tasks = {}, scopes = {}, target = new EventTarget();
const signal = createSignal(), channel = createChannel(), queue = createQueue(), gate = withResolvers();
let subscription;
const later = (ms, value) => ms === undefined ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms, value));
const fail = (value) => { throw new Error("lift " + value); };
const numbers = async function* () { for (let n = 0; n < 3; n++) { await later(1); yield n; } };
`;

/** Made once for all worlds. */
export function compile(source: string): Compiled {
  const names =
    "{ operations, api, plain, preset, note, atEntry, haltRoot, destroyAll }";
  // oxlint-disable-next-line no-implied-eval, no-new-func -- programs are JavaScript, so that generators are real ones
  return new Function(names, PRELUDE + source) as Compiled;
}

export async function interpret(
  program: Program,
  compiled: Compiled,
  world: World,
): Promise<string[]> {
  const clock = new Clock();
  const trace: string[] = [];
  const triggers = new Map<number, () => void>();
  let over = false;

  const note: Note = (...what) => {
    if (over) return;
    if (trace.length >= LONGEST) throw new RangeError("endless");
    trace.push(`${clock.now} ${what.map(show).join(" ")}`);
    triggers.get(trace.length)?.();
  };
  const noteEnd = (name: string, promise: Promise<unknown>): void =>
    void promise.then(
      (value) => note(name, "ends", value),
      (error: unknown) => note(name, "fails", error),
    );

  const restore = catchUnhandled((error) => note("unhandled", error));
  const leave = world.enter();
  clock.install();
  try {
    const host = program.hosted ? openHost(note) : undefined;
    // A failing fork does not report to the boundary, a failing task does: not to be compared.
    const nursery = world.open(
      program.start === "run" ? (error) => note("boundary", error) : () => {},
      host?.scope,
    );

    let haltRoot = (): void => void triggers.set(trace.length + 1, haltRoot); // not yet: with the next entry
    // What the seam itself tells takes its own number of microtasks: only the time counts.
    const endings: string[] = [];
    const end = (what: string, failed: boolean, value: unknown): void =>
      void endings.push(
        `${clock.now} ${what} ${failed ? "fails" : "ends"} ${show(value)}`,
      );
    // A destruction that the end of the host cuts short is "halted" with effection and well with us.
    let hosted = true;
    const destroyAll = (): void =>
      void nursery.destroy().then(
        () => hosted && end("destroy", false, undefined),
        (error: unknown) => hosted && end("destroy", true, error),
      );
    const root = compiled({
      operations: world.operations,
      api,
      note,
      destroyAll: () => setTimeout(destroyAll), // from within a task it may take other turns than effection's
      plain: createContext("fuzz.plain"),
      preset: createContext("fuzz.preset", "default"),
      atEntry: (count: number, act: () => void) => triggers.set(count, act),
      haltRoot: () => haltRoot(),
    });

    if (program.start === "run") {
      const task = nursery.scope.run(root);
      haltRoot = () => noteEnd("halt", task.halt());
      noteEnd("root", task);
    } else {
      const fork = world.fork(nursery.scope, root, (state, value) => {
        // A task says by an error that it was halted; so do we, or we could not tell the two apart.
        const outcome = state === "halted" ? new Error("halted") : value;
        end("fork", state !== "value", outcome);
      });
      haltRoot = () => fork.interrupt();
    }

    await turn(clock, END, note);
    destroyAll();
    await turn(clock, 2 * END, note);
    hosted = false;
    if (host) {
      noteEnd("host", host.end());
      await turn(clock, 3 * END, note);
    }
    over = true;
    return [...trace, ...endings.sort()];
  } finally {
    over = true;
    clock.uninstall();
    restore();
    leave();
  }
}

/** Lets time pass up to `limit`. */
async function turn(clock: Clock, limit: number, note: Note): Promise<void> {
  do await settle();
  while (step(clock, limit, note));
  clock.now = limit;
}

function step(clock: Clock, limit: number, note: Note): boolean {
  try {
    return clock.advance(limit);
  } catch (error) {
    note("uncaught", error);
    return true;
  }
}
