/** Why uWebSockets.js does not load, in a line: what Node says, or the system behind what the package says. */
export function reasonOf(cause: unknown): string {
  const message = String(cause instanceof Error ? cause.message : cause);
  const [said = ""] = message.split("\nRequire stack:"); // which names the files that have asked, and no reason
  return said.split("\n").findLast((line) => line.trim() !== "") ?? message;
}

/** How the log says that `auto` does without it. */
export const withoutUws = (reason: string): string =>
  `Node's own HTTP is the engine, as uWebSockets.js does not load here: ${reason}`;
