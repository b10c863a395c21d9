/** A great many connections that ask once, and then keep their place. */
import { setTimeout } from "node:timers/promises";
import type { Attack, Size } from "../attack.ts";
import { Foe } from "../foe.ts";
import { countFates, CUT_MS, lifetimes } from "../tactics.ts";

/** Each takes an open file here and one of the server: fewer where the system does not give so many. */
const WANTED = 10_000;
/** Open files for all else. */
const RESERVE = 500;

export function idle(size: Size): Attack {
  const full = Math.min(WANTED, openFilesAllowed() - RESERVE);
  const count = { small: 300, full }[size];
  const fewer =
    full < WANTED ? ` (of 10,000: more open files are not allowed here)` : "";
  return {
    name: "idle connections",
    load: `${count} keep-alive connections, one request each${fewer}`,
    async run({ port }) {
      const foes = await Foe.many(port, count);
      for (const foe of foes) foe.request("GET /sync");
      await Promise.all(foes.map((foe) => foe.until(/hello$/)));
      if (size === "small") {
        for (const foe of foes) foe.leave("fin");
        await Promise.all(foes.map((foe) => foe.ended()));
        return { fates: countFates(foes, ({ status }) => status ?? "cut") };
      }
      await Promise.race([
        Promise.all(foes.map((foe) => foe.ended())),
        setTimeout(CUT_MS),
      ]);
      return {
        fates: countFates(foes, ({ status, lasted }) =>
          lasted === undefined ? "still connected" : (status ?? "cut"),
        ),
        note: lifetimes(foes),
      };
    },
    expectations: {
      fates: { 200: count },
      tally: { accepted: count, ok: count },
      growth: 100,
    },
  };
}

/** Node.js takes all that the system allows when it starts. */
function openFilesAllowed(): number {
  const report = process.report as unknown as {
    excludeNetwork: boolean;
    getReport(): { userLimits?: { open_files?: { soft: number | string } } };
  };
  report.excludeNetwork = true; // looking up the names of interfaces can take seconds
  const limit = Number(report.getReport().userLimits?.open_files?.soft);
  return Number.isNaN(limit) ? Infinity : limit; // "unlimited"
}
