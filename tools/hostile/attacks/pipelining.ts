/** Clients that send requests without waiting for replies: thousands in one piece. */
import type { Attack, Size } from "../attack.ts";
import { Foe, requestText } from "../foe.ts";
import { countFates, cycle, fateOf } from "../tactics.ts";

/** Answered before the engine looks at the next request. */
const AT_ONCE = ["/sync", "/quick", "/wsgi", "/nowhere"];
const PARKED = ["/parked/async", "/parked/operation"];
const PENDING = ["/async", "/operation", ...PARKED];

const START = "HTTP/1.1 ";

/** Counts the replies of a connection as they come, without keeping them. */
function countReplies(foe: Foe): () => number {
  let replies = 0;
  let tail = ""; // too short to be counted twice
  foe.onData = (data) => {
    const text = tail + data;
    replies += text.split(START).length - 1;
    tail = text.slice(1 - START.length);
  };
  return () => replies;
}

/** So many requests, of which the last ends the connection. */
function burst(paths: string[], length: number): string {
  const requests = Array.from({ length: length - 1 }, (_, i) =>
    requestText(`GET ${cycle(paths, i)}`),
  );
  const last = requestText(`GET ${paths[0]}`, ["connection: close"]);
  return requests.join("") + last;
}

export function pipelining(size: Size): Attack {
  const count = { small: 4, full: 50 }[size];
  const each = { small: 1000, full: 5000 }[size];
  return {
    name: "pipelining flood",
    load: `${count} connections, ${each} requests each in one piece`,
    async run({ port }) {
      const foes = await Foe.many(port, count);
      const replies = foes.map(countReplies);
      const requests = burst(AT_ONCE, each);
      for (const foe of foes) foe.send(requests);
      await Promise.all(foes.map((foe) => foe.ended()));
      return {
        fates: countFates(replies, (count) => `got ${count()} replies`),
      };
    },
    expectations: {
      fates: { [`got ${each} replies`]: count },
      tally: { accepted: count * each, ok: count * each },
      log: /kept the loop/, // the engine goes through a packet at one go
      growth: 300,
    },
  };
}

/** A request behind one that is pending: the native engine closes the connection, the other one lets it wait. */
export function pipeliningPending(size: Size, engine: string): Attack {
  const waits = engine === "node";
  const count = { small: 20, full: waits ? 100 : 1000 }[size]; // Node makes objects of all requests in a packet
  const each = { small: 100, full: 1000 }[size];
  return {
    name: "pipelining flood behind a pending reply",
    load: `${count} connections, ${each} requests each in one piece`,
    async run(target) {
      const foes = await Foe.many(target.port, count);
      const paths = waits ? PARKED : PENDING;
      foes.forEach((foe, i) => foe.send(burst([cycle(paths, i)], each)));
      if (waits) {
        await target.live({ least: 10 }); // others are cut off when too many wait
        for (const foe of foes) foe.leave("close");
      }
      await Promise.all(foes.map((foe) => foe.ended()));
      return { fates: countFates(foes, fateOf) };
    },
    expectations: {
      fates: { cut: count },
      tally: { accepted: count, abort: count },
      growth: waits ? 300 : 100,
    },
  };
}

/** Large replies, none of which is read: what the kernel does not take waits in the engine. */
export function pipeliningUnread(size: Size): Attack {
  const count = { small: 2, full: 10 }[size];
  const each = { small: 1000, full: 1000 }[size];
  return {
    name: "pipelining flood, replies not read",
    load: `${count} connections, ${each} requests each for 100 KB`,
    async run({ port }) {
      const foes = await Foe.many(port, count);
      for (const foe of foes) {
        foe.socket.pause();
        foe.send(burst(["/page"], each));
      }
      const last = await Foe.connect(port); // is answered when all the others were
      await last.request("GET /sync", ["connection: close"]).ended();
      for (const foe of foes) foe.leave("reset");
      return { fates: countFates(foes, () => "left") };
    },
    expectations: {
      fates: { left: count },
      growth: 100,
    },
  };
}
