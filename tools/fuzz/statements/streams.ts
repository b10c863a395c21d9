/** Signals, channels, queues, events, intervals. */
import type { Random } from "../random.ts";
import type { Kinds } from "./kind.ts";

const SOURCES = [
  "signal",
  "channel",
  "on(target, 'ping')",
  "interval(2)",
  "stream(numbers())",
];
const source = (random: Random): string => random.pick(SOURCES);

export const streams: Kinds = {
  each: {
    weight: 3,
    args: (random) => [source(random), 1 + random.below(3)],
    blocks: ["task"],
    text: (id, [from, limit], [body]) =>
      `{ let count = 0; for (const value of yield* each(${from})) {
        note(${id}, "each", value?.type ?? value); ${body}
        if (++count === ${limit}) break;
        yield* each.next();
      } note(${id}, "each ends"); }`,
  },
  eachWithoutNext: {
    weight: 0.2,
    args: (random) => [source(random)],
    text: (id, [from]) =>
      `for (const value of yield* each(${from})) note(${id}, "each", value?.type ?? value);`,
  },
  subscribe: {
    weight: 1.5,
    args: (random) => [source(random)],
    text: (id, [from]) =>
      `subscription = yield* ${from}; note(${id}, "subscribed");`,
  },
  next: {
    weight: 1.5,
    text: (id) =>
      `if (subscription) { const { done } = yield* subscription.next(); note(${id}, "next", done); }`,
  },
  once: {
    weight: 0.7,
    text: (id) => `note(${id}, "once", (yield* once(target, "ping")).type);`,
  },
  take: {
    weight: 1,
    text: (id) => `note(${id}, "took", yield* queue.next());`,
  },
  channelSend: { weight: 1.5, text: (id) => `yield* channel.send(${id});` },
  channelClose: { weight: 0.3, text: (id) => `yield* channel.close(${id});` },
  add: { weight: 1.5, in: "outside", text: (id) => `queue.add(${id});` },
  queueClose: {
    weight: 0.3,
    in: "outside",
    text: (id) => `queue.close(${id});`,
  },
  send: { weight: 4, in: "outside", text: (id) => `signal.send(${id});` },
  close: { weight: 0.4, in: "outside", text: (id) => `signal.close(${id});` },
  emit: {
    weight: 3,
    in: "outside",
    text: () => `target.dispatchEvent(new Event("ping"));`,
  },
};
