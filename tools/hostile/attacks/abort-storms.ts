/** Clients that vanish, in each way and at each moment, from each kind of handler. */
import { setImmediate } from "node:timers/promises";
import type { Attack, Size } from "../attack.ts";
import { Foe, type Departure } from "../foe.ts";
import { countFates, cycle } from "../tactics.ts";

const ANSWERED = ["/sync", "/async", "/operation", "/stream", "/wsgi"];
const PARKED = ["/parked/async", "/parked/operation"];
const ENDLESS = [
  "/endless/generator",
  "/endless/async",
  "/endless/readable",
  "/endless/operation",
  "/endless/wsgi",
];
const DEPARTURES: Departure[] = ["reset", "close"];

const FETCH_PARKED = ["/fetch/parked", "/fetch/parked/light"];
const FETCH_ENDLESS = ["/fetch/endless", "/fetch/endless/light"];

/** Connections at a time. */
const WAVE = 100;

interface Storm {
  moment: string;
  /** Of which applications, where not of all. */
  whose?: string;
  paths: string[];
  waves: { small: number; full: number };
  /** What a client waits for before it goes. */
  wait: (foe: Foe) => Promise<unknown>;
  outcome: "ok" | "abort" | undefined;
}

function storm({ moment, whose, paths, waves, wait, outcome }: Storm) {
  return (size: Size): Attack => {
    const count = waves[size] * WAVE;
    return {
      name: `abort storm ${moment} the reply${whose ? ` of ${whose}` : ""}`,
      load: `${count} clients that leave by RST and by FIN`,
      async run({ port }) {
        const left: Foe[] = [];
        for (let wave = 0; wave < waves[size]; wave++) {
          const foes = await Foe.many(port, WAVE);
          await Promise.all(
            foes.map(async (foe, i) => {
              foe.request(`GET ${cycle(paths, i)}`);
              await wait(foe);
              foe.leave(cycle(DEPARTURES, Math.floor(i / paths.length)));
              left.push(await foe.ended());
            }),
          );
        }
        return { fates: countFates(left, () => "left") };
      },
      expectations: {
        fates: { left: count },
        // Before the reply it is a race: some go before their request is seen, some after it was answered.
        tally: outcome && { accepted: count, [outcome]: count },
        growth: 150,
      },
    };
  };
}

export const abortBefore = storm({
  moment: "before",
  paths: [...ANSWERED, ...PARKED],
  waves: { small: 5, full: 100 },
  wait: () => setImmediate(),
  outcome: undefined,
});

export const abortDuring = storm({
  moment: "during",
  paths: ENDLESS,
  waves: { small: 1, full: 30 },
  wait: (foe) => foe.until(/\r\n\r\n/),
  outcome: "abort",
});

export const abortAfter = storm({
  moment: "after",
  paths: ANSWERED,
  waves: { small: 5, full: 100 },
  wait: (foe) => foe.until(/hel[^]*lo/),
  outcome: "ok",
});

/**
 * With the next one, a hundred thousand requests of applications that are told by a signal and by the end of a stream.
 */
export const abortFetchBefore = storm({
  moment: "before",
  whose: "fetch()",
  paths: FETCH_PARKED,
  waves: { small: 2, full: 500 },
  wait: () => setImmediate(),
  outcome: undefined,
});

export const abortFetchDuring = storm({
  moment: "during",
  whose: "fetch()",
  paths: FETCH_ENDLESS,
  waves: { small: 2, full: 500 },
  wait: (foe) => foe.until(/\r\n\r\n/),
  outcome: "abort",
});
