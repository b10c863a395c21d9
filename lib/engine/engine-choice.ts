/** Which engines there are to choose from. */

/** `auto`: uWebSockets.js where it loads, or else Node's own HTTP. */
export type EngineChoice = "uws" | "node" | "auto";

export const ENGINE_CHOICES: readonly EngineChoice[] = ["uws", "node", "auto"];
