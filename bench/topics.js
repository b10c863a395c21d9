/**
 * Topics by NATS, from one process to a socket at another, beside what the client of NATS alone moves from one process
 * to another. For the suite `topics` of run.js.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as pass } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort, start, stopAll } from "./children.js";
import { median } from "./statistics.js";
import { titledTable } from "./table.js";

const ROLE = fileURLToPath(new URL("topics-role.js", import.meta.url));
/** Messages of one order, and how many orders are under way. */
const BATCH = 2000;
const AHEAD = 4;

export async function* measureTopics({ rounds, seconds }, say) {
  try {
    const broker = await freePort();
    start("any", "nats-server", ["-a", "127.0.0.1", "-p", broker], {
      stdio: "ignore",
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    }).once("error", (cause) => {
      throw new Error("nats-server is in Debian's nats-server", { cause });
    });
    await listens(broker);
    const role = async (...names) => {
      const child = start("any", process.execPath, [ROLE, ...names], {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      });
      const [{ port }] = await once(child, "message");
      return { child, port };
    };
    const eddy = await role("eddy gateway", broker);
    const ways = {
      "NATS alone": [
        await role("bare publisher", broker),
        await role("bare receiver", broker),
      ],
      "eddy, to a socket": [
        await role("eddy publisher", broker),
        await role("eddy receiver", broker, eddy.port),
      ],
    };
    await pass(500); // for the subscriptions
    const names = Object.keys(ways);
    const results = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round <= rounds; round++) {
      for (const name of names) {
        say(round === 0 ? `warming up ${name}` : `round ${round}: ${name}`);
        const [publisher, receiver] = ways[name].map(({ child }) => child);
        const perSecond = await most(publisher, receiver, seconds);
        const load =
          Math.min(perSecond, ...results[names[0]].map((r) => r.perSecond)) /
          10;
        const latency = await steady(publisher, receiver, load, seconds);
        if (round > 0) results[name].push({ perSecond, ...latency });
      }
    }
    const least = results[names[0]];
    const quotient = (name, of) =>
      median(results[name].map((one, i) => one[of] / least[i][of])).toFixed(2);
    yield titledTable(
      "Topics by NATS, 64 bytes, from one process to another",
      ["way", "messages/s", "× NATS", "p50 ms", "p99 ms", "p99 × NATS"],
      names.map((name) => [
        name,
        Math.round(median(results[name].map((r) => r.perSecond))),
        quotient(name, "perSecond"),
        median(results[name].map((r) => r.p50)).toFixed(2),
        median(results[name].map((r) => r.p99)).toFixed(2),
        quotient(name, "p99"),
      ]),
    );
  } finally {
    await stopAll();
  }
}

/** Messages a second, as many as arrive: the next batch is ordered when one has. */
async function most(publisher, receiver, seconds) {
  const order = () => publisher.send({ type: "batch", count: BATCH });
  const started = performance.now();
  let ordered = AHEAD;
  let arrived = 0;
  const done = new Promise((resolve) => {
    const hear = ({ count }) => {
      if (count === undefined) return;
      arrived += 1000;
      if (arrived % BATCH !== 0) return;
      if (performance.now() - started < seconds * 1000) {
        ordered++;
        return order();
      }
      if (arrived < ordered * BATCH) return;
      receiver.off("message", hear);
      resolve();
    };
    receiver.on("message", hear);
  });
  for (let i = 0; i < AHEAD; i++) order();
  await done;
  return arrived / ((performance.now() - started) / 1000);
}

/** Latencies at a load that leaves room, in milliseconds. */
async function steady(publisher, receiver, perSecond, seconds) {
  await asked(receiver); // what came before is forgotten
  publisher.send({ type: "steady", perSecond, seconds });
  const [{ sent }] = await once(publisher, "message");
  await pass(200); // the last ones
  const fill = 1000 - (sent % 1000); // so that `most` counts from a thousand on
  publisher.send({ type: "batch", count: fill });
  const latency = await asked(receiver);
  await pass(100);
  return latency;
}

function asked(receiver) {
  return new Promise((resolve) => {
    const hear = (answer) => {
      if (answer.p99 === undefined) return;
      receiver.off("message", hear);
      resolve(answer);
    };
    receiver.on("message", hear);
    receiver.send("latencies");
  });
}

async function listens(port) {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isThere = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return;
    await pass(20);
  }
}
