/** Uploads that a handler does not read, so that the client is held back; then the client goes away. */
import type { Attack, Size } from "../attack.ts";
import { Foe, type Departure } from "../foe.ts";
import { countFates, cycle } from "../tactics.ts";

const PARKED = ["/parked/async", "/parked/operation"];
const DEPARTURES: Departure[] = ["reset", "close"];
/** As long as a body may be everywhere; of which more is sent than what waits in memory, and less than all. */
const LENGTH = 1024 * 1024;
const SENT = 768 * 1024;

export function heldBack(size: Size): Attack {
  const count = { small: 4, full: 100 }[size];
  return {
    name: "clients that leave while they are held back",
    load: `${count} uploads of 1 MiB that nobody reads`,
    async run(target) {
      const foes = await Foe.many(target.port, count);
      foes.forEach((foe, i) =>
        foe.request(
          `POST ${cycle(PARKED, i)}`,
          [`content-length: ${LENGTH}`],
          "x".repeat(SENT),
        ),
      );
      await target.live({ least: count });
      foes.forEach((foe, i) =>
        foe.leave(cycle(DEPARTURES, Math.floor(i / PARKED.length))),
      );
      return { fates: countFates(foes, () => "left") };
    },
    expectations: {
      fates: { left: count },
      tally: { accepted: count, abort: count },
      growth: 150,
    },
  };
}
