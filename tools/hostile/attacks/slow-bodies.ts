/** Uploads that never get done: a byte now and then, or always a little less than the engine asks for. */
import type { Attack, Size } from "../attack.ts";
import { Foe } from "../foe.ts";
import {
  countFates,
  CUT_MS,
  cycle,
  fateOf,
  harass,
  lifetimes,
} from "../tactics.ts";

/** Handlers that wait for the body, in every way. */
const READERS = ["/upload/async", "/upload/operation", "/upload/wsgi", "/form"];

const LENGTH = 1_000_000;

type Frame = (data: string) => string;
const FRAMINGS: [field: string, frame: Frame][] = [
  [`content-length: ${LENGTH}`, (data) => data],
  [
    "transfer-encoding: chunked",
    (data) => `${data.length.toString(16)}\r\n${data}\r\n`,
  ],
];

/** Sends the head; gives what frames each piece of the body. */
function begin(foe: Foe, number: number): Frame {
  const path = cycle(READERS, number);
  const [field, frame] = cycle(FRAMINGS, Math.floor(number / READERS.length));
  const type = "content-type: application/x-www-form-urlencoded";
  foe.request(`POST ${path}`, [field, type]);
  return frame;
}

/** Opens so many uploads and gives what sends the next piece of one. */
async function open(
  port: number,
  count: number,
  data: string,
): Promise<[foes: Foe[], feed: (foe: Foe) => void]> {
  const foes = await Foe.many(port, count);
  const framed = new Map(foes.map((foe, i) => [foe, begin(foe, i)(data)]));
  return [foes, (foe) => foe.send(framed.get(foe)!)];
}

/** `bodyTimeoutMs` is what ends these. */
export function slowBodies(size: Size): Attack {
  const count = { small: 24, full: 500 }[size];
  const everyMs = { small: 20, full: 1000 }[size];
  const bodyTimeoutMs = { small: 200, full: 5000 }[size];
  return {
    name: "slow bodies",
    load: `${count} uploads, a byte each second; bodyTimeoutMs ${bodyTimeoutMs}`,
    options: { bodyTimeoutMs },
    async run({ port }) {
      const [foes, feed] = await open(port, count, "x");
      await harass(foes, { everyMs, limitMs: CUT_MS }, feed);
      return { fates: countFates(foes, fateOf), note: lifetimes(foes) };
    },
    expectations: {
      fates: { "408": count },
      tally: { accepted: count, ok: count },
      growth: 100,
    },
  };
}

/** The engine ends these, if nobody else does. */
export function starvedUploads(size: Size): Attack {
  const count = { small: 24, full: 200 }[size];
  const pace = {
    small: { everyMs: 20, limitMs: 200 },
    full: { everyMs: 250, limitMs: CUT_MS },
  }[size];
  return {
    name: "uploads below 16 KB/s",
    load: `${count} uploads, 8 KB/s each`,
    async run({ port }) {
      const [foes, feed] = await open(port, count, "x".repeat(2000));
      await harass(foes, pace, feed);
      const fates = countFates(foes, fateOf);
      if (size === "full") return { fates, note: lifetimes(foes) };
      for (const foe of foes) foe.leave("fin");
      return { fates };
    },
    expectations: {
      fates: { [size === "full" ? "cut" : "still connected"]: count },
      tally: { accepted: count, abort: count },
      growth: 100,
    },
  };
}
