/** What ASGI applications of Python cost and bear, beside Uvicorn: the suite `asgi` of run.js. */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inTurn, pin, start, startServer } from "./children.js";
import {
  cpuOf,
  hasModule,
  killed,
  memoryOf,
  startUvicorn,
  treeOf,
} from "./python-peers.js";
import { median, medians } from "./statistics.js";
import { titledTable } from "./table.js";
import { tools } from "./tools.js";

const CONNECTIONS = 64;
const ASLEEP = 1000;
const LOAD = fileURLToPath(new URL("socket-load.js", import.meta.url));

/** By what is in brackets behind `asgi:`. */
const APPS = [
  ["bare", "A bare ASGI hello"],
  ["starlette()", "Starlette's hello"],
  ["fastapi()", "FastAPI, a model as JSON"],
];

/** As fast as it can be, and as it is installed by default. */
const UVICORNS = {
  "uvicorn, in C": "--loop uvloop --http httptools",
  "uvicorn, h11": "--loop asyncio --http h11",
};

export async function* measureAsgi(options, say) {
  if (!hasModule("uvicorn")) return yield "Uvicorn is not installed.";
  const apps = APPS.filter(
    ([name]) => name === "bare" || hasModule(name.slice(0, -2)),
  );
  const parts = [
    ...Object.keys(CORES_OF).flatMap((cores) =>
      apps.map((app) => [app[1], () => sideBySide(app, cores, options)]),
    ),
    ["sockets", () => sockets(options)],
    ["asleep", asleep],
    ["kills", kills],
  ];
  yield* inTurn(parts, say);
}

/** Which core the gateway, Python and the load are kept on, of two: by a title. */
const CORES_OF = {
  "all on one core": ["server", "server", "load"],
  "Python on a core of its own, the gateway and the load on the other": [
    "server",
    "load",
    "server",
  ],
};

async function sideBySide([app, title], cores, { rounds, seconds }) {
  const [gateway, python, load] = CORES_OF[cores];
  const servers = await startAll(app, gateway, python);
  const samples = await inRounds(servers, rounds, (server) =>
    loadOf(server, seconds, load),
  );
  const rows = servers.map(({ name }, i) => {
    const row = medians(samples[i]);
    const ratio = (pick) => ratioTo(samples, i, pick).toFixed(2);
    return [
      name,
      Math.round(row.perSecond),
      row.python.toFixed(1),
      row.sum.toFixed(1),
      ratio((one) => one.perSecond),
      ratio((one) => one.python),
      ratio((one) => one.sum),
    ];
  });
  return titledTable(
    `${title}, ${cores}`,
    [
      "",
      "req/s",
      "Python µs/req",
      "sum",
      "eddy's req/s ÷",
      "eddy's Python ÷",
      "eddy's sum ÷",
    ],
    rows,
  );
}

async function startAll(app, gateway, python) {
  const servers = [await startServer(`eddy-asgi ${app}`, gateway)];
  pin(treeOf(servers[0].child.pid).at(-1), python);
  for (const [name, flags] of Object.entries(UVICORNS))
    servers.push(await startUvicorn(name, app, flags, python));
  return servers;
}

/** Samples by server, each round beginning with another one. */
async function inRounds(servers, rounds, measure) {
  const samples = servers.map(() => []);
  for (const server of servers) await measure(server);
  for (let round = 0; round < rounds; round++)
    for (let i = 0; i < servers.length; i++) {
      const at = (i + round) % servers.length;
      samples[at].push(await measure(servers[at]));
    }
  return samples;
}

const ratioTo = (samples, of, pick) =>
  median(samples[0].map((one, i) => pick(one) / pick(samples[of][i])));

async function loadOf(server, seconds, role) {
  const before = cpusOf(server);
  const { failures, ...sample } = await tools[0].load({
    url: server.origin,
    headers: {},
    connections: CONNECTIONS,
    seconds,
    role,
  });
  if (Object.values(failures).some((count) => count > 0))
    throw new Error(`${server.name}: ${JSON.stringify(failures)}`);
  return { ...sample, ...spent(server, before, sample.requests) };
}

/** The gateway, where there is one, and Python. */
const cpusOf = ({ child }) => treeOf(child.pid).map(cpuOf);

function spent(server, before, count) {
  const each = cpusOf(server).map((cpu, i) => (cpu - before[i]) / count);
  return { python: each.at(-1), sum: each.reduce((a, b) => a + b) };
}

/** Texts of 64 bytes, each answered by the next one. */
async function sockets({ rounds, seconds }) {
  const flags = "--loop uvloop --ws websockets";
  const servers = [
    await startServer("eddy-asgi bare"),
    await startUvicorn("uvicorn, websockets", "bare", flags, "server"),
  ];
  const samples = await inRounds(servers, rounds, async (server) => {
    const { port } = new URL(server.origin);
    const args = [LOAD, port, "echo", CONNECTIONS, 1, seconds];
    const load = start("load", process.execPath, args, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    await once(load, "message");
    const before = cpusOf(server);
    const [{ messages }] = await once(load, "message");
    const sample = spent(server, before, messages);
    load.kill();
    return { ...sample, perSecond: messages / seconds };
  });
  return titledTable(
    "Echo of 64 bytes by WebSocket, all on one core",
    ["", "messages/s", "Python µs/message", "sum", "eddy's sum ÷"],
    servers.map(({ name }, i) => {
      const row = medians(samples[i]);
      return [
        name,
        Math.round(row.perSecond),
        row.python.toFixed(1),
        row.sum.toFixed(1),
        ratioTo(samples, i, (one) => one.sum).toFixed(2),
      ];
    }),
  );
}

/** A thousand requests of ten seconds, in one process. */
async function asleep() {
  const rows = [];
  for (const make of [
    () => startServer("eddy-asgi bare", "anywhere"),
    () =>
      startUvicorn("uvicorn, in C", "bare", UVICORNS["uvicorn, in C"], "any"),
  ]) {
    const server = await make();
    const python = treeOf(server.child.pid).at(-1);
    const before = memoryOf(python);
    const asked = Array.from({ length: ASLEEP }, async () => {
      const response = await fetch(`${server.origin}/asleep`);
      return (await response.text()) === "Hello, World!";
    });
    await delay(7000);
    const grown = (memoryOf(python) - before) / ASLEEP / 1024;
    const answered = (await Promise.all(asked)).filter(Boolean).length;
    rows.push([server.name, answered, grown.toFixed(1)]);
  }
  return titledTable(
    `${ASLEEP} requests asleep for 10 s in one process`,
    ["", "answered", "Python KiB a request"],
    rows,
  );
}

/** Each kill takes along what its process runs. */
const kills = async () =>
  killed(await startServer("eddy-asgi bare 4", "anywhere"));
