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
      const isAbsent =
        error instanceof EngineError && error.cause !== undefined; // or else it is told something wrong
      if (!isAbsent) throw error;
      this.#tell(reasonOf(error.cause));
      return await loadNode();
    }
  }
}

const loadUws = async (): Promise<Engine> =>
  (await import("./uws/engine.ts")).engine;

const loadNode = async (): Promise<Engine> =>
  (await import("./node/engine.ts")).engine;
