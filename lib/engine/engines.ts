/** Which engine speaks at an address. Each is loaded when somebody asks for it: on some machines one cannot be. */
import { EngineError } from "../common/errors.ts";
import type { Engine } from "./engine.ts";
import type { EngineChoice } from "./listen-options.ts";
import { reasonOf } from "./uws/reason.ts";

/** The engines of a loop. */
export class Engines {
  readonly #tell: (reason: string) => void;
  /** What `auto` means here, once somebody has asked. */
  #best: Promise<Engine> | undefined;

  /** `tell`: gets the reason where `auto` does without uWebSockets.js, once. */
  constructor(tell: (reason: string) => void) {
    this.#tell = tell;
  }

  /** @throws {EngineError} when uWebSockets.js is asked for and does not load on this machine. */
  async load(choice: EngineChoice): Promise<Engine> {
    if (choice === "auto") return await (this.#best ??= this.#findBest());
    return choice === "uws" ? await loadUws() : await loadNode();
  }

  async #findBest(): Promise<Engine> {
    try {
      return await loadUws();
    } catch (error) {
      if (!isAbsence(error)) throw error;
      this.#tell(reasonOf(error.cause));
      return await loadNode();
    }
  }
}

/** Whether `auto` is uWebSockets.js here. */
export async function loadsUws(): Promise<boolean> {
  try {
    await import("./uws/load.ts");
  } catch (error) {
    if (isAbsence(error)) return false;
  }
  return true;
}

/** Of an engine that is not for this machine. One without a cause is told something wrong. */
const isAbsence = (error: unknown): error is EngineError =>
  error instanceof EngineError && error.cause !== undefined;

const loadUws = async (): Promise<Engine> =>
  (await import("./uws/engine.ts")).engine;

const loadNode = async (): Promise<Engine> =>
  (await import("./node/engine.ts")).engine;
