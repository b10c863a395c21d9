/**
 * The seam between a loop and a command that runs its program: what is published here reaches whoever runs the process,
 * if anybody does. The same file is then a program of its own, and an application of the command.
 */
import { channel } from "node:diagnostics_channel";
import type { Address } from "../engine/listen-options.ts";
import type { LoopOptions } from "./options.ts";

/** A loop is made with these options. Who runs the process may change them: its operator has the last word. */
export const loopOptions = channel("eddy:loop:options");

/** A loop would listen: a `WouldListen`, whose `address` is set by whoever takes it over. */
export const loopServes = channel("eddy:loop:serves");

export interface WouldListen {
  readonly loop: object;
  /** Where it will listen instead; rejects if it must not. */
  address?: Promise<Address>;
}

/**
 * A loop that serves has this `StallWatch` (stall.ts). Whoever has another thread can look what the loop is held by,
 * and tell it.
 */
export const loopWatches = channel("eddy:loop:watches");

/**
 * A loop listens: `{ loop, requests }`, which are its `Shared`. Whoever runs the process can name them when it fails.
 */
export const loopListens = channel("eddy:loop:listens");

export function optionsFromCommand(options: LoopOptions): LoopOptions {
  if (!loopOptions.hasSubscribers) return options;
  const own = { ...options };
  loopOptions.publish(own);
  return own;
}

/** Somebody else runs this process. */
export const isCommanded = (): boolean => loopOptions.hasSubscribers;

/** Undefined: the loop listens by itself. */
export function listenByCommand(loop: object): Promise<Address> | undefined {
  const would: WouldListen = { loop };
  loopServes.publish(would);
  return would.address;
}
