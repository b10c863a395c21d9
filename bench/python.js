/** What Python applications cost and bear: the suite `python` of run.js. Gives its report as Markdown, part by part. */
import { connect } from "node:net";
import { once } from "node:events";
import { browserHeaders } from "./browser.js";
import { inTurn, pin, startServer } from "./children.js";
import {
  cpuOf,
  hasFlask,
  killed,
  memoryOf,
  peers,
  startPeer,
  startUwsgi,
  treeOf,
} from "./python-peers.js";

import { median, medians } from "./statistics.js";
import { titledTable } from "./table.js";
import { tools } from "./tools.js";

const MiB = 1024 * 1024;
const CONNECTIONS = 64;

export async function* measurePython(options, say) {
  const apps = hasFlask() ? ["flask_app", "app"] : ["app"];
  const parts = [
    ...apps.map((app) => ["one core", () => sideBySide(app, "one", options)]),
    ...apps.map((app) => ["two cores", () => sideBySide(app, "two", options)]),
    ["headers", () => headers(options)],
    ["beside", () => beside(apps[0], options)],
    ["memory", memory],
    ["kills", kills],
  ];
  yield* inTurn(parts, say);
}

/**
 * `one`: gateway and Python on one core, the load on the other. `two`: Python on one core, gateway and load on the
 * other.
 */
async function sideBySide(app, cores, { rounds, seconds }) {
  const role = cores === "one" ? "server" : "load";
  const servers = [await startServer(`eddy-python ${app}`)];
  for (const name of peers()) servers.push(await startPeer(name, app, role));
  if (cores === "two") pin(pythonOf(servers[0]), "load");
  const samples = servers.map(() => []);
  const loadRole = cores === "one" ? "load" : "server";
  for (const server of servers) await load(server, { seconds: 1, loadRole });
  for (let round = 0; round < rounds; round++)
    for (let i = 0; i < servers.length; i++) {
      const at = (i + round) % servers.length;
      samples[at].push(await load(servers[at], { seconds, loadRole }));
    }
  const names = ["eddy", ...servers.slice(1).map(({ name }) => name)];
  const ratio = (at, of, pick) =>
    median(samples[at].map((one, i) => pick(one) / pick(samples[of][i])));
  return titledTable(
    `${app === "app" ? "A bare WSGI hello" : "Flask's hello"}, ${cores === "one" ? "all on one core" : "Python on a core of its own"}`,
    [
      "",
      "req/s",
      "first process µs/req",
      "the others",
      "sum",
      "eddy's req/s ÷",
      "eddy's sum ÷",
    ],
    names.map((name, i) => {
      const row = medians(samples[i]);
      return [
        name,
        Math.round(row.perSecond),
        row.first.toFixed(1),
        row.others.toFixed(1),
        (row.first + row.others).toFixed(1),
        ratio(0, i, (one) => one.perSecond).toFixed(2),
        ratio(0, i, (one) => one.first + one.others).toFixed(2),
      ];
    }),
  );
}

/** What ten fields more cost on the gateway's side. */
async function headers({ rounds, seconds }) {
  const server = await startServer("eddy-python app");
  const plain = [];
  const browser = [];
  await load(server, { seconds: 1 });
  for (let round = 0; round < rounds; round++) {
    plain.push(await load(server, { seconds }));
    browser.push(await load(server, { seconds, headers: browserHeaders }));
  }
  const growth = (pick) =>
    median(browser.map((one, i) => pick(one) - pick(plain[i]))).toFixed(1);
  return titledTable(
    "Ten header fields more, as a browser sends them",
    ["", "gateway µs/req", "Python µs/req"],
    [
      ...Object.entries({ without: plain, with: browser }).map(
        ([name, all]) => {
          const row = medians(all);
          return [name, row.first.toFixed(1), row.others.toFixed(1)];
        },
      ),
      ["more", growth((one) => one.first), growth((one) => one.others)],
    ],
  );
}

/** A handler on the loop, while the application has more to do than it can. */
async function beside(app, { seconds }) {
  const server = await startServer(`eddy-python ${app}`, "anywhere");
  await load(server, { seconds: 1 });
  const native = { ...server, origin: `${server.origin}/native` };
  const [, row] = await Promise.all([
    load(server, { seconds: seconds + 1 }),
    load(native, { seconds, connections: 1 }),
  ]);
  return titledTable(
    "A native handler, while the application is saturated",
    ["p50 ms", "p99 ms"],
    [[row.p50.toFixed(2), row.p99.toFixed(2)]],
  );
}

/** 50 MiB up and down, the slow side waiting three seconds in the middle. */
async function memory() {
  const own = await startServer("eddy-python bodies");
  const rows = await growthOf("in a process of ours", own, pythonOf(own));
  if (peers().some((name) => name.startsWith("uwsgi"))) {
    const { child, address } = await startUwsgi("bodies");
    const gateway = await startServer(`eddy-uwsgi ${address}`);
    rows.push(...(await growthOf("behind uWSGI", gateway, child.pid)));
  }
  return titledTable(
    "50 MiB with one side that stops for three seconds: growth of memory",
    ["", "gateway MiB", "Python MiB"],
    rows,
  );
}

async function growthOf(where, server, python) {
  const pids = [server.child.pid, python];
  await (await fetch(`${server.origin}/?50`)).arrayBuffer(); // V8 lets garbage gather up to a limit of its own
  const rows = [];
  for (const [name, transfer] of Object.entries({ download, upload })) {
    const before = pids.map(memoryOf);
    const most = [...before];
    const look = setInterval(() => {
      for (const [i, pid] of pids.entries())
        most[i] = Math.max(most[i], memoryOf(pid));
    }, 20);
    await transfer(server.origin);
    clearInterval(look);
    const grown = most.map((bytes, i) =>
      ((bytes - before[i]) / MiB).toFixed(1),
    );
    rows.push([`${name}, ${where}`, ...grown]);
  }
  return rows;
}

async function download(origin) {
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  socket.write("GET /?50 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  let length = 0;
  socket.on("data", (data) => (length += data.length));
  await once(socket, "data");
  socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  socket.resume();
  await once(socket, "close");
  if (length < 50 * MiB) throw new Error(`only ${length} bytes came back`);
}

/** As fast as it goes; here the application is the one that stops. */
async function upload(origin) {
  const body = Buffer.alloc(50 * MiB);
  const response = await fetch(origin, { method: "POST", body });
  const digest = await response.text();
  if (digest !== "25e317773f308e446cc84c503a6d1f85")
    throw new Error(`what was hashed is something else: ${digest}`);
}

/** Each kill can take the one request along that its process runs. */
const kills = async () =>
  killed(await startServer("eddy-python bodies 4", "anywhere"));

/** The worker, of which there is one. */
function pythonOf(server) {
  return treeOf(server.child.pid)[1];
}

async function load(
  server,
  { seconds, connections = CONNECTIONS, headers = {}, loadRole = "load" },
) {
  const pids = treeOf(server.child.pid);
  const before = pids.map(cpuOf);
  const { failures, ...sample } = await tools[0].load({
    url: server.origin,
    headers,
    connections,
    seconds,
    role: loadRole,
  });
  const { "non-2xx": errors, timeouts } = failures;
  if (errors + timeouts > 0)
    throw new Error(
      `${server.name}: ${errors} replies are errors, ${timeouts} took too long`,
    );
  const [first, ...others] = pids.map(
    (pid, i) => (cpuOf(pid) - before[i]) / sample.requests,
  );
  return { ...sample, first, others: others.reduce((a, b) => a + b, 0) };
}
