/** Uploads that never get done: a byte now and then, or always a little less than the engine asks for. */
import type { Attack, Course, Size } from "../attack.ts";
import { Foe } from "../foe.ts";
import {
  countFates,
  CUT_MS,
  cycle,
  fateOf,
  harass,
  lifetimes,
} from "../tactics.ts";

/** Handlers that wait for the body in every way. */
const READERS = [
  "/upload/async",
  "/upload/operation",
  "/upload/wsgi",
  "/form",
  "/parked/operation",
];

const LENGTH = 1_000_000;
const FRAMINGS: [field: string, frame: (data: string) => string][] = [
  [`content-length: ${LENGTH}`, (data) => data],
  [
    "transfer-encoding: chunked",
    (data) => `${data.length.toString(16)}\r\n${data}\r\n`,
  ],
];

interface Pace {
  name: string;
  told: string;
  count: { small: number; full: number };
  data: string;
  everyMs: number;
}

function slowUpload({ name, told, count, data, everyMs }: Pace) {
  return (size: Size): Attack => ({
    name,
    load: `${count[size]} uploads, ${told}`,
    async run({ port }): Promise<Course> {
      const foes = await Foe.many(port, count[size]);
      const framed = new Map(foes.map((foe, i) => [foe, begin(foe, i)(data)]));
      const full = size === "full";
      await harass(
        foes,
        full ? { everyMs, limitMs: CUT_MS } : { everyMs: 20, limitMs: 200 },
        (foe) => foe.send(framed.get(foe)!),
      );
      const fates = countFates(foes, fateOf);
      if (full) return { fates, note: lifetimes(foes) };
      for (const foe of foes) foe.leave("fin");
      return { fates };
    },
    expectations: {
      fates:
        size === "full"
          ? { cut: count.full }
          : { "still connected": count.small },
      tally: { accepted: count[size], abort: count[size] },
      growth: 100,
    },
  });
}

/** Sends the head; gives what frames each piece of the body. */
function begin(foe: Foe, number: number): (data: string) => string {
  const path = cycle(READERS, number);
  const [field, frame] = cycle(FRAMINGS, Math.floor(number / READERS.length));
  const type = "content-type: application/x-www-form-urlencoded";
  foe.request(`POST ${path}`, [field, type]);
  return frame;
}

export const slowBodies = slowUpload({
  name: "slow bodies",
  told: "a byte each second",
  count: { small: 20, full: 500 },
  data: "x",
  everyMs: 1000,
});

export const starvedUploads = slowUpload({
  name: "uploads below 16 KB/s",
  told: "8 KB/s each",
  count: { small: 20, full: 200 },
  data: "x".repeat(2000),
  everyMs: 250,
});
