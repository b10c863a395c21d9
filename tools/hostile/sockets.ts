/** WebSockets that the attacked server serves. */
import { setTimeout } from "node:timers/promises";
import { upgrade, type Loop, type Socket } from "../../lib/index.ts";
import { held } from "./held.ts";

/** Milliseconds that a handler sleeps while its client sends. */
export const SLEEP_MS = 2000;

/** What a message of a flood begins with is its number. */
export const FLOOD_MESSAGE = 64 * 1024;

function* echo(socket: Socket) {
  held.count++;
  try {
    for (let message; (message = yield* socket.receive()) !== undefined;)
      yield* socket.send(message);
  } finally {
    held.count--;
  }
}

/** Says how many bytes had been accepted when it awoke, and how many messages have come in order since. */
const sleeper = (loop: Loop) => async (socket: Socket) => {
  const before = loop.socketCounts.receivedBytes;
  await setTimeout(SLEEP_MS);
  const accepted = loop.socketCounts.receivedBytes - before;
  let count = 0;
  for await (const message of socket) {
    if (typeof message === "string") break; // the last one
    const number = Buffer.from(message.buffer).readUInt32BE();
    if (number === count && message.length === FLOOD_MESSAGE) count++;
  }
  await socket.send(JSON.stringify({ accepted, count }));
};

export function mountSockets(loop: Loop): void {
  loop
    .websocket("/socket/echo", upgrade(echo))
    .websocket("/socket/sleeper", upgrade(sleeper(loop)), {
      maxMessageBytes: FLOOD_MESSAGE,
    });
}
