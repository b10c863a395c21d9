/**
 * Told by the parent, a server publishes ten messages a turn of the loop, so many turns; then it answers any message as
 * usual.
 */
import { setImmediate } from "node:timers/promises";

const TEXT = "n".repeat(64);

export function publishing(publish) {
  process.on("message", async (message) => {
    if (message.turns === undefined) return;
    for (let turn = 0; turn < message.turns; turn++) {
      for (let i = 0; i < 10; i++) publish(TEXT);
      await setImmediate();
    }
  });
}
