/** Which engine speaks at an address. Each is loaded when somebody asks for it: on some machines it cannot be. */
import type { Engine } from "./engine.ts";

/** @throws {EngineError} when it does not load on this machine. */
export async function loadEngine(): Promise<Engine> {
  return (await import("./uws/engine.ts")).engine;
}
