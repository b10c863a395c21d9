/** Clients that ask for much and take little: each piece that is produced for them waits somewhere. */
import { setTimeout } from "node:timers/promises";
import type { Attack, Size } from "../attack.ts";
import { Foe } from "../foe.ts";
import { countFates, cycle, fateOf, harass } from "../tactics.ts";

const MUCH = [
  "/endless/generator",
  "/endless/async",
  "/endless/readable",
  "/endless/operation",
  "/endless/wsgi",
  "/whole",
];

/** Each stops to read with the first that comes. */
async function ask(port: number, count: number): Promise<Foe[]> {
  const foes = await Foe.many(port, count);
  for (const foe of foes) foe.onData = () => foe.socket.pause();
  foes.forEach((foe, i) => foe.request(`GET ${cycle(MUCH, i)}`));
  await Promise.all(foes.map((foe) => foe.until(/\r\n\r\n/)));
  return foes;
}

/** Begin to read, and stop. */
export function deafReaders(size: Size): Attack {
  const count = { small: 18, full: 120 }[size];
  return {
    name: "readers that take nothing",
    load: `${count} replies without an end or of 16 MB, unread`,
    async run(target) {
      const foes = await ask(target.port, count);
      if (size === "small") {
        await setTimeout(200);
        for (const foe of foes) foe.leave("reset");
        return { fates: countFates(foes, fateOf) };
      }
      const start = performance.now();
      await target.live({ most: 0 });
      const seconds = (performance.now() - start) / 1000;
      for (const foe of foes) {
        foe.onData = undefined;
        foe.socket.resume(); // what the kernel has kept, and then the end
      }
      await Promise.all(foes.map((foe) => foe.ended()));
      return {
        fates: countFates(foes, fateOf),
        note: `the last was cut after ${seconds.toFixed(0)} s`,
      };
    },
    expectations: {
      fates: { 200: count },
      tally: { accepted: count, abort: count },
      growth: 150,
    },
  };
}

/** Take a little now and then, and so are never idle. */
export function sippingReaders(size: Size): Attack {
  const count = { small: 18, full: 120 }[size];
  const forMs = { small: 300, full: 15_000 }[size];
  return {
    name: "readers that take a little",
    load: `${count} replies without an end or of 16 MB, 64 KB each second, for ${forMs / 1000} s`,
    async run({ port }) {
      const foes = await ask(port, count);
      const everyMs = { small: 50, full: 1000 }[size];
      await harass(foes, { everyMs, limitMs: forMs }, (foe) =>
        foe.socket.resume(),
      );
      const stayed = foes.filter(({ lasted }) => lasted === undefined).length;
      for (const foe of foes) foe.leave("reset");
      return {
        fates: countFates(foes, fateOf),
        note: `${stayed} stayed until they left`,
      };
    },
    expectations: {
      fates: { 200: count },
      tally: { accepted: count, abort: count },
      growth: 150,
    },
  };
}
