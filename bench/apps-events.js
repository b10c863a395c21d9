/**
 * What open streams of events cost, beside the bare engine: part of the suite `apps` of run.js. Gives its report as
 * Markdown.
 */
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { start, startServer, stopAll, usage } from "./children.js";
import { median } from "./statistics.js";
import { titledTable } from "./table.js";

const SERVERS = {
  "uws-events": "uWebSockets.js alone",
  "eddy-events": "events()",
};
const STREAMS = 10_000;
const WARM_UP = 2_000;
const SECONDS = 10;

export async function* measureEvents({ rounds }, say) {
  const rows = [];
  for (const [name, title] of Object.entries(SERVERS)) {
    const samples = [];
    for (let round = 1; round <= rounds; round++) {
      say(`${name}, round ${round} of ${rounds}`);
      try {
        samples.push(await sample(name));
      } finally {
        await stopAll();
      }
    }
    const middle = (key) => median(samples.map((one) => one[key]));
    rows.push([
      title,
      Math.round(middle("perSecond")),
      (middle("cpu") * 100).toFixed(1),
      (middle("bytes") / 1024).toFixed(1),
    ]);
  }
  yield titledTable(
    `${STREAMS} streams of events, one event a second each`,
    ["server", "events/s", "CPU, % of a core", "memory a stream, KiB"],
    rows,
  );
}

/** A first lot comes and goes, so that code and tables are there before the memory is looked at. */
async function sample(name) {
  const server = await startServer(name);
  const first = await listen(server, WARM_UP);
  first.kill();
  await once(first, "exit");
  await setTimeout(1000);
  const before = await collected(server);
  const load = await listen(server, STREAMS);
  await setTimeout(1500);
  const after = await collected(server);
  await eventsOf(load);
  const from = await usage(server);
  const started = performance.now();
  await setTimeout(SECONDS * 1000);
  const to = await usage(server);
  const ms = performance.now() - started;
  const events = await eventsOf(load);
  return {
    perSecond: (events / ms) * 1000,
    cpu: (to.user + to.system - from.user - from.system) / (ms * 1000),
    bytes: (after - before) / STREAMS,
  };
}

async function listen(server, count) {
  const file = fileURLToPath(new URL("events-load.js", import.meta.url));
  const { port } = new URL(server.origin);
  const load = start("load", process.execPath, [file, port, count], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(load, "exit").then(() => "ended");
  if ((await Promise.race([once(load, "message"), ended])) === "ended")
    throw new Error(`${server.name} has not kept ${count} streams`);
  return load;
}

async function eventsOf(load) {
  load.send("events");
  const [events] = await once(load, "message");
  return events;
}

/** Resident bytes once the garbage is gone. */
async function collected(server) {
  server.child.kill("SIGUSR2");
  await setTimeout(500);
  return (await usage(server)).rss;
}
