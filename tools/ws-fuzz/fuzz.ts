/** Random conversations of WebSocket with an echo, on one engine. */
import { setTimeout } from "node:timers/promises";
import { Loop, upgrade, type ListenOptions } from "../../lib/index.ts";
import { Random } from "../fuzz/random.ts";
import { createConversation, LIMIT } from "./conversation.ts";
import { faultOf } from "./play.ts";

export interface Finding {
  /** Of the conversation, which plays it again; none for what is wrong in the end. */
  readonly seed?: number;
  readonly fault: string;
}

/** Conversations at a time. */
const SIDE_BY_SIDE = 32;

/** Milliseconds for the last sockets to end. */
const PATIENCE_MS = 10_000;

/** The first thing that is wrong; undefined when nothing is. */
export async function search(
  engine: ListenOptions,
  seed: number,
  count: number,
  progress: (done: number) => void = () => {},
): Promise<Finding | undefined> {
  const loop = new Loop({ log: false });
  let [began, ended] = [0, 0];
  const echo = upgrade(function* (socket) {
    began++;
    try {
      for (let message; (message = yield* socket.receive()) !== undefined;)
        yield* socket.send(message);
    } finally {
      ended++;
    }
  });
  loop.websocket("/", echo, { maxMessageBytes: LIMIT });
  const { port } = await loop.listen({ ...engine, port: 0, host: "127.0.0.1" });
  let next = 0;
  let finding: Finding | undefined;
  const work = async (): Promise<void> => {
    while (next < count && finding === undefined) {
      const own = seed + next++;
      const fault = await faultOf(port!, createConversation(new Random(own)));
      if (fault !== undefined) finding ??= { seed: own, fault };
      progress(next);
    }
  };
  try {
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
    return finding ?? (await remains());
  } finally {
    await loop.stop();
  }

  /** Each was opened and has ended, and so has its task. */
  async function remains(): Promise<Finding | undefined> {
    for (let ms = 0; ms < PATIENCE_MS && loop.socketCounts.open > 0; ms += 10)
      await setTimeout(10);
    const { open, opened } = loop.socketCounts;
    const tasks = loop.tasks().sockets.length;
    const adds = opened === count && began === count && ended === count;
    return adds && open === 0 && tasks === 0
      ? undefined
      : {
          fault: `of ${count}, ${opened} opened, ${open} open, ${tasks} tasks; ${began} began, ${ended} ended`,
        };
  }
}
