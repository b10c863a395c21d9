/** The suite `websocket`: what a message costs, one that goes to a thousand, and a connection that is idle. */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { start, startServer, stopAll, usage } from "./children.js";
import { median } from "./statistics.js";
import { aligned } from "./table.js";

const LOAD = fileURLToPath(new URL("socket-load.js", import.meta.url));
const RAW = "uws-socket";
const ECHOES = [
  RAW,
  "eddy-socket receive",
  "eddy-socket each",
  "eddy-socket await",
  "ws-socket",
];

const SUBSCRIBERS = 1000;
const TURNS = 100;
const SLOW = 100;
const TICKS = 300;
/** Of those, each takes two minutes and a half. */
const SLOW_ROUNDS = 3;
const IDLE = 10_000;

export async function* measureWebSocket(options, say) {
  yield "### Echo of 64 bytes";
  for (const inFlight of [1, 16]) yield await echo(inFlight, options, say);
  yield "### Published to a thousand";
  yield await publish(options, say);
  yield "### Slow ones among a thousand";
  yield await slowOnes(options, say);
  yield "### Idle";
  yield await idle(say);
}

async function echo(inFlight, { rounds, seconds, connections }, say) {
  const samples = await inRounds(ECHOES, rounds, async (server, round) => {
    say(`${inFlight} in flight, round ${round + 1}: ${server.name}`);
    const load = startLoad(server, "echo", connections, inFlight, seconds);
    await once(load, "message");
    const before = await usage(server);
    const [{ messages }] = await once(load, "message");
    const after = await usage(server);
    load.kill();
    return { cpu: spent(before, after) / messages, rate: messages / seconds };
  });
  const rows = ECHOES.map((name) => [
    name,
    median(samples.map((it) => it[name].cpu)).toFixed(2),
    median(samples.map((it) => it[name].cpu / it[RAW].cpu)).toFixed(2),
    Math.round(median(samples.map((it) => it[name].rate))),
  ]);
  return aligned(
    [`${inFlight} in flight`, "CPU µs a message", "× raw engine", "messages/s"],
    rows,
  );
}

async function publish({ rounds }, say) {
  const names = [RAW, "eddy-socket receive"];
  const samples = await inRounds(names, rounds, async (server, round) => {
    say(`published, round ${round + 1}: ${server.name}`);
    const load = startLoad(server, "listen", SUBSCRIBERS);
    await once(load, "message");
    const turns = async () => {
      const arrived = once(load, "message");
      load.send({ messages: SUBSCRIBERS * TURNS * 10 });
      const before = await usage(server);
      server.child.send({ turns: TURNS });
      await once(server.child, "message"); // it answers every message
      await arrived;
      return spent(before, await usage(server));
    };
    await turns(); // warm
    const cpu = (await turns()) / (TURNS * 10);
    load.kill();
    return { cpu };
  });
  const rows = names.map((name) => [
    name,
    median(samples.map((it) => it[name].cpu)).toFixed(0),
    median(samples.map((it) => it[name].cpu / it[RAW].cpu)).toFixed(2),
  ]);
  return aligned(
    ["a message to 1,000, ten a turn", "CPU µs", "× raw engine"],
    rows,
  );
}

/** What fast subscribers see, without slow ones and with them, and what becomes of those. */
async function slowOnes({ rounds }, say) {
  const cases = [
    [0, "close"],
    [SLOW, "close"],
    [SLOW, "drop"],
  ];
  const samples = cases.map(() => []);
  for (let round = 1; round <= Math.min(rounds, SLOW_ROUNDS); round++)
    for (const [i, [slow, fate]] of cases.entries()) {
      say(`round ${round}, ${slow} slow ones: ${fate}`);
      samples[i].push(await besideSlow(slow, fate));
    }
  const middle = (taken, of) => median(taken.map((one) => one[of]));
  const rows = cases.map(([slow, fate], i) => [
    slow === 0 ? "none" : `${slow}, slow: "${fate}"`,
    middle(samples[i], "p50").toFixed(1),
    middle(samples[i], "p99").toFixed(1),
    (middle(samples[i], "p99") / middle(samples[0], "p99")).toFixed(2),
    middle(samples[i], "closedAsSlow"),
    middle(samples[i], "dropped"),
  ]);
  return aligned(
    [
      "slow ones",
      "p50 ms",
      "p99 ms",
      "× without",
      "closed",
      "messages dropped",
    ],
    rows,
  );
}

/** How late messages come at those that read. */
async function besideSlow(slow, fate) {
  const server = await startServer(`eddy-topic ${fate}`);
  const load = startLoad(server, "time", SUBSCRIBERS, slow);
  await once(load, "message");
  server.child.send({ ticks: TICKS });
  await once(server.child, "message"); // it answers every message
  const [{ counts }] = await once(server.child, "message");
  load.send({});
  const [late] = await once(load, "message");
  await stopAll();
  return { ...late, ...counts };
}

async function idle(say) {
  const rows = [];
  for (const name of [
    RAW,
    "eddy-socket receive",
    "eddy-socket await",
    "ws-socket",
  ]) {
    say(`idle: ${name}`);
    const server = await startServer(name);
    const warm = startLoad(server, "idle", 1000);
    await once(warm, "message");
    warm.kill();
    await delay(500);
    const before = (await usage(server)).rss;
    const load = startLoad(server, "idle", IDLE);
    await once(load, "message");
    await delay(1000);
    const bytes = ((await usage(server)).rss - before) / IDLE;
    rows.push([name, (bytes / 1024).toFixed(1)]);
    await stopAll();
  }
  const raw = Number(rows[0][1]);
  return aligned(
    [`${IDLE} idle sockets`, "KiB each", "beyond the raw engine"],
    rows.map(([name, kib]) => [name, kib, (kib - raw).toFixed(1)]),
  );
}

/** Each of the servers in each round, side by side; gives for each round what was measured by name. */
async function inRounds(names, rounds, measure) {
  try {
    const servers = [];
    for (const name of names) servers.push(await startServer(name));
    const samples = [];
    for (let round = -1; round < rounds; round++) {
      const taken = {};
      for (const server of servers)
        taken[server.name] = await measure(server, round);
      if (round >= 0) samples.push(taken); // the first one warms up
    }
    return samples;
  } finally {
    await stopAll();
  }
}

function startLoad(server, ...args) {
  const { port } = new URL(server.origin);
  const stdio = ["ignore", "inherit", "inherit", "ipc"];
  const load = start("load", process.execPath, [LOAD, port, ...args], {
    stdio,
  });
  load.once("exit", (code) => {
    if (code) process.exit(code); // it has said why
  });
  return load;
}

const spent = (before, after) =>
  after.user + after.system - before.user - before.system;
