/** More requests than a server may have at a time, none of which is ever done. */
import type { Attack, Size } from "../attack.ts";
import { Foe } from "../foe.ts";
import { countFates, cycle, fateOf, lifetimes } from "../tactics.ts";

const PARKED = ["/parked/async", "/parked/operation"];

export function crowd(size: Size): Attack {
  const maxConcurrentRequests = { small: 20, full: 1000 }[size];
  const requestTimeoutMs = { small: 300, full: 5000 }[size];
  const count = 3 * maxConcurrentRequests;
  return {
    name: "a crowd",
    load: `${count} requests that are never done; maxConcurrentRequests ${maxConcurrentRequests}, requestTimeoutMs ${requestTimeoutMs}`,
    options: { maxConcurrentRequests, requestTimeoutMs },
    async run({ port }) {
      const foes = await Foe.many(port, count);
      foes.forEach((foe, i) => foe.request(`GET ${cycle(PARKED, i)}`));
      await Promise.all(foes.map((foe) => foe.until(/\r\n\r\n/)));
      const fates = countFates(foes, fateOf);
      const shed = foes.filter(({ head }) => /^retry-after: /im.test(head));
      for (const foe of foes) foe.leave("fin");
      await Promise.all(foes.map((foe) => foe.ended()));
      return {
        fates,
        note: `${shed.length} of them with retry-after, ${lifetimes(foes)}`,
      };
    },
    expectations: {
      fates: { "503": count },
      // How many were shed is not known to the last: an honest request may have had a place.
      tally: { accepted: count, ok: 0, abort: 0 },
      log: /took too long|too many requests are running/,
      shedding: true,
      growth: 100,
    },
  };
}
