/** Clients that close their sending side, with a request complete or in the middle of it. */
import type { Attack, Course, Size } from "../attack.ts";
import { Foe, requestText } from "../foe.ts";
import { countFates, cycle } from "../tactics.ts";

/** What is sent before the FIN, and what comes of it. */
const ENDINGS: [sent: string, fate: string][] = [
  [requestText("GET /sync"), "200"],
  [requestText("GET /quick"), "200"],
  [requestText("GET /wsgi"), "200"],
  ["GET /sync HTTP/1.1\r\nHost: te", "cut"],
  [requestText("GET /parked/async"), "cut"],
  [requestText("GET /parked/operation"), "cut"],
  ...["/upload/async", "/upload/operation", "/upload/wsgi", "/form"].map(
    (path): [string, string] => [
      requestText(`POST ${path}`, ["content-length: 100"], "half of it"),
      "cut",
    ],
  ),
];

/** Of those above, that the server sees as requests, and that it answers. */
const REQUESTS = 9;
const ANSWERED = 3;

/** The engine "node" lets who is silent wait for a reply, and says what is wrong with half of a request. */
const PATIENT = ENDINGS.filter(([sent]) => !sent.includes("/parked/")).map(
  ([sent, fate]): [string, string] => [sent, fate === "cut" ? "400" : fate],
);
const PARKED = ENDINGS.length - PATIENT.length;

export function halfClosed(size: Size, engine: string): Attack {
  const rounds = { small: 3, full: 200 }[size];
  const [endings, requests] =
    engine === "node" ? [PATIENT, REQUESTS - PARKED] : [ENDINGS, REQUESTS];
  const count = rounds * endings.length;
  return {
    name: "half-closed connections",
    load: `${count} connections, a FIN behind a request or in the middle of head or body`,
    async run({ port }): Promise<Course> {
      const foes = await Foe.many(port, count);
      foes.forEach((foe, i) => foe.send(cycle(endings, i)[0]).leave("fin"));
      await Promise.all(foes.map((foe) => foe.ended()));
      const found = foes.map(
        (foe, i) => (foe.status ?? "cut") === cycle(endings, i)[1],
      );
      return {
        fates: countFates(found, (right) =>
          right ? "answered or cut as expected" : "otherwise",
        ),
      };
    },
    expectations: {
      fates: { "answered or cut as expected": count },
      tally: {
        accepted: rounds * requests,
        ok: rounds * ANSWERED,
        abort: rounds * (requests - ANSWERED),
      },
      growth: 50,
    },
  };
}
