/** Which engine speaks at an address. Each is loaded when somebody asks for it: on some machines one cannot be. */
import { EngineError } from "../common/errors.ts";
import type { Engine } from "./engine.ts";
import type { EngineChoice } from "./engine-choice.ts";

/**
 * `tell` gets a sentence where `auto` does without uWebSockets.js.
 *
 * @throws {EngineError} when uWebSockets.js is asked for and does not load on this machine.
 */
export async function loadEngine(
  choice: EngineChoice,
  tell: (why: string) => void,
): Promise<Engine> {
  if (choice === "node") return await loadNode();
  try {
    return (await import("./uws/engine.ts")).engine;
  } catch (error) {
    if (choice === "uws" || !(error instanceof EngineError)) throw error;
    tell(error.message);
    return await loadNode();
  }
}

const loadNode = async (): Promise<Engine> =>
  (await import("./node/engine.ts")).engine;
