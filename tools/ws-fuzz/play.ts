/** One conversation with a server, and what is wrong with what came of it. */
import { setImmediate } from "node:timers/promises";
import { FrameClient, handshake } from "../../test/support/frame-client.ts";
import { frame, message, PING, PONG } from "../../test/support/frames.ts";
import type { Conversation } from "./conversation.ts";

/** Longer takes nobody. */
const PATIENCE_MS = 10_000;

const LAST = "still there?";
const IS_THERE = message(PONG, LAST);

/** Undefined when nothing is wrong. */
export async function faultOf(
  port: number,
  one: Conversation,
): Promise<string | undefined> {
  const client = await FrameClient.connect(port);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    client.socket.destroy();
  }, PATIENCE_MS);
  try {
    client.send(handshake("/"));
    await client.untilHead();
    for (const piece of one.pieces) {
      client.send(piece);
      await setImmediate();
    }
    await endOf(client, one);
    return late ? `hangs: ${client.received.join(", ")}` : compare(client, one);
  } finally {
    clearTimeout(timer);
    client.socket.destroy();
  }
}

async function endOf(client: FrameClient, { end, ...one }: Conversation) {
  if (end === "noise" || end === "leave") return;
  if (end === "close") return await client.until(() => false);
  client.send(frame(PING, LAST)); // an engine looks at a frame when there are as many bytes as the least one has
  if (end === "broken") return await client.until(() => false);
  const frames = one.messages.length + one.pongs.length + 1;
  await client.until(() => client.received.length >= frames);
}

function compare(
  { received, closed }: FrameClient,
  { messages, pongs, end }: Conversation,
): string | undefined {
  const isPong = (words: string): boolean => words.startsWith("pong");
  const isClose = (words: string): boolean => words.startsWith("close");
  const gotPongs = received.filter(isPong);
  const got = received.filter((words) => !isPong(words) && !isClose(words));
  const isWhole = end === "ask";
  if (isWhole && closed) return "closed, and nothing was wrong";
  if (end === "close" && received.at(-1) !== 'close 1000 "bye"')
    return `the close was answered with ${received.at(-1)}`;
  if (end === "noise") return undefined; // it may be frames, too
  return (
    differing("messages", got, messages, isWhole) ??
    differing(
      "pongs",
      gotPongs,
      isWhole ? [...pongs, IS_THERE] : pongs,
      isWhole,
    )
  );
}

/** All of them, or at least no others: who is closed does not get the rest. */
function differing(
  what: string,
  got: readonly string[],
  expected: readonly string[],
  all: boolean,
): string | undefined {
  const some = all ? expected : expected.slice(0, got.length);
  const same =
    got.length === some.length && got.every((words, i) => words === some[i]);
  return same
    ? undefined
    : `${what}: expected ${expected.join(", ")}; got ${got.join(", ")}`;
}
