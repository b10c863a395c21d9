/** Slowloris: many connections, each of which sends a byte of its headers now and then, and never the last. */
import type { Attack, Course, Size } from "../attack.ts";
import { Foe } from "../foe.ts";
import { countFates, CUT_MS, fateOf, harass, lifetimes } from "../tactics.ts";

export function slowHeaders(size: Size): Attack {
  const count = { small: 50, full: 1000 }[size];
  return {
    name: "slow headers",
    load: `${count} connections, a byte of a header each second`,
    async run({ port }) {
      const foes = await Foe.many(port, count);
      for (const foe of foes)
        foe.send("GET /sync HTTP/1.1\r\nHost: test\r\nX-Slow: ");
      return size === "full" ? untilCut(foes) : briefly(foes);
    },
    expectations: {
      fates: size === "full" ? { cut: count } : { "still connected": count },
      tally: { accepted: 0 },
      growth: 50,
    },
  };
}

/** What the engine gives a connection for its first request is not prolonged by bytes that come meanwhile. */
async function untilCut(foes: Foe[]): Promise<Course> {
  await harass(foes, { everyMs: 1000, limitMs: CUT_MS }, (foe) =>
    foe.send("x"),
  );
  return { fates: countFates(foes, fateOf), note: lifetimes(foes) };
}

async function briefly(foes: Foe[]): Promise<Course> {
  await harass(foes, { everyMs: 20, limitMs: 200 }, (foe) => foe.send("x"));
  const fates = countFates(foes, fateOf);
  for (const foe of foes) foe.leave("fin");
  return { fates };
}
