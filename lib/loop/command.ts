/**
 * The seam between a loop and a command that runs its program: what is published here reaches whoever runs the process,
 * if anybody does. The same file is then a program of its own, and an application of the command.
 */
import { channel } from "node:diagnostics_channel";
import type { LoopOptions } from "./options.ts";

/** A loop is made with these options. Who runs the process may change them: its operator has the last word. */
export const loopOptions = channel("eddy:loop:options");

/** A loop would serve. If somebody subscribes, it is theirs to run. */
export const loopServes = channel("eddy:loop:serves");

/**
 * A loop that serves has this `StallWatch` (stall.ts). Whoever has another thread can look what the loop is held by,
 * and tell it.
 */
export const loopWatches = channel("eddy:loop:watches");

/** A loop listens: `{ loop, requests }`, which are its `Shared`. Whoever runs the process can name them when it fails. */
export const loopListens = channel("eddy:loop:listens");

export function optionsFromCommand(options: LoopOptions): LoopOptions {
  if (!loopOptions.hasSubscribers) return options;
  const own = { ...options };
  loopOptions.publish(own);
  return own;
}

/** False: nobody runs this process but the program itself. */
export function handToCommand(loop: object): boolean {
  if (!loopServes.hasSubscribers) return false;
  loopServes.publish(loop);
  return true;
}
