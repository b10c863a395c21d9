/** What threads cost and bear: the suite `threads` of run.js. Gives its report as Markdown, part by part. */
import { connect } from "node:net";
import { once } from "node:events";
import { inTurn, startServer, stopAll, usage } from "./children.js";
import { median, medians } from "./statistics.js";
import { titledTable } from "./table.js";
import { tools } from "./tools.js";

const THREADS = 32;
const BLOCKS_MS = 5;
/** Thousands of round trips until V8 has compiled what is in their way. */
const WARM_TRIPS = 10;

export async function* measureThreads({ seconds, rounds }, say) {
  const parts = [hello, blocking, trips, memory, aborts, kills];
  yield* inTurn(
    parts.map((part) => [part.name, () => part({ seconds, rounds })]),
    say,
  );
}

/** The same application on the loop and in threads, side by side in rounds. */
async function hello({ seconds, rounds }) {
  const rows = [];
  for (const connections of [1, 64]) {
    const servers = [];
    for (const name of ["eddy-wsgi", "eddy-thread 4"])
      servers.push(await startServer(name));
    const samples = servers.map(() => []);
    for (const server of servers) await load(server, "/", connections, 1);
    for (let round = 0; round < rounds; round++)
      for (const [i, server] of servers.entries())
        samples[i].push(await load(server, "/", connections, seconds));
    const [inline, threads] = samples.map(medians);
    for (const [name, row] of Object.entries({
      "on the loop": inline,
      "in 4 threads": threads,
    }))
      rows.push([
        `${name}, ${connections} connections`,
        Math.round(row.perSecond),
        row.p50.toFixed(2),
        row.p99.toFixed(2),
        row.loop.toFixed(1),
        row.cpu.toFixed(1),
        (row.loop / inline.loop).toFixed(2),
      ]);
    await stopAll();
  }
  return titledTable(
    "Hello, World!",
    [
      "hello",
      "req/s",
      "p50 ms",
      "p99 ms",
      "loop µs/req",
      "all µs/req",
      "× loop",
    ],
    rows,
  );
}

/** On all cores: 32 requests sleep at a time, and an async handler is asked on the side. */
async function blocking({ seconds }) {
  const server = await startServer(`eddy-blocking ${THREADS}`, "anywhere");
  await load(server, "/blocking/5ms", 64, 1);
  const alone = await load(server, "/async", 1, 1);
  const [app, beside] = await Promise.all([
    load(server, "/blocking/5ms", 64, seconds),
    load(server, "/async", 1, seconds),
  ]);
  const ideal = (THREADS * 1000) / BLOCKS_MS;
  return titledTable(
    `An application that blocks ${BLOCKS_MS} ms, in ${THREADS} threads`,
    ["", "req/s", "of the ideal", "p50 ms", "p99 ms"],
    [
      ["application", app, `${((100 * app.perSecond) / ideal).toFixed(0)}%`],
      ["async handler beside it", beside, ""],
      ["async handler alone", alone, ""],
    ].map(([name, { perSecond, p50, p99 }, share]) => [
      name,
      Math.round(perSecond),
      share,
      p50.toFixed(2),
      p99.toFixed(2),
    ]),
  );
}

async function trips({ rounds }) {
  const rows = [];
  for (const [where, role] of [
    ["on one core", "server"],
    ["on all cores", "anywhere"],
  ]) {
    const server = await startServer("eddy-blocking 1", role);
    const ask = async () =>
      Number(await (await fetch(`${server.origin}/blocking/trips`)).text());
    for (let i = 0; i < WARM_TRIPS; i++) await ask();
    const times = [];
    for (let round = 0; round < rounds; round++) times.push(await ask());
    rows.push([where, median(times).toFixed(1)]);
    await stopAll();
  }
  return titledTable(
    "A round trip of wait(), on an idle loop",
    ["loop and thread", "µs"],
    rows,
  );
}

async function memory() {
  const rss = [];
  for (const threads of [1, 1 + THREADS]) {
    const server = await startServer(`eddy-blocking ${threads}`, "anywhere");
    await load(server, "/blocking/hello", 64, 1);
    rss.push((await usage(server)).rss / 2 ** 20);
    await stopAll();
  }
  return titledTable(
    "Memory",
    ["", "MB"],
    [
      ["the process with one thread", rss[0].toFixed(0)],
      ["each further thread", ((rss[1] - rss[0]) / THREADS).toFixed(1)],
    ],
  );
}

/** From the end of the connection to the answer of the next request, which waits for the only thread. */
async function aborts({ rounds }) {
  const server = await startServer("eddy-blocking 1", "anywhere");
  const rows = [];
  for (const path of ["/write", "/wait", "/read"]) {
    const times = [];
    for (let round = 0; round < rounds * 4; round++)
      times.push(await abortToFree(server, path));
    rows.push([`in ${path.slice(1)}`, median(times).toFixed(1)]);
  }
  return titledTable(
    "From a client that leaves to a free thread",
    ["the application is", "ms"],
    rows,
  );
}

async function abortToFree({ origin }, path) {
  const socket = connect(new URL(origin).port, "127.0.0.1");
  socket.write(
    `POST /blocking${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf`,
  );
  for (let text = ""; !text.includes("begun");)
    text += (await once(socket, "data"))[0];
  socket.resume();
  const since = performance.now();
  socket.destroy();
  await (await fetch(`${origin}/blocking/hello`)).text();
  return performance.now() - since;
}

/** 10,000 requests, of which every 200th ends its thread. */
async function kills() {
  const server = await startServer("eddy-blocking 8", "anywhere");
  const answers = {};
  let next = 0;
  const client = async () => {
    while (next < 10_000) {
      const kill = next++ % 200 === 100;
      const path = kill ? "/exit" : "/hello";
      const { status } = await fetch(`${server.origin}/blocking${path}`);
      const key = `${kill ? "ends its thread" : "others"}: ${status}`;
      answers[key] = (answers[key] ?? 0) + 1;
    }
  };
  const since = performance.now();
  await Promise.all(Array.from({ length: 32 }, client));
  const seconds = (performance.now() - since) / 1000;
  return titledTable(
    `10,000 requests, a thread ended by every 200th (${seconds.toFixed(1)} s)`,
    ["request: status", "answers"],
    Object.entries(answers),
  );
}

/** CPU in µs a request: of the loop's thread and of the whole process. */
async function load(server, path, connections, seconds) {
  const before = await usage(server);
  const url = server.origin + path;
  const { failures, ...sample } = await tools[0].load({
    url,
    headers: {},
    connections,
    seconds,
  });
  const failed = Object.entries(failures).filter(([, count]) => count > 0);
  if (failed.length > 0)
    throw new Error(`${server.name} has failed: ${JSON.stringify(failed)}`);
  const after = await usage(server);
  const spent = (pick) => (pick(after) - pick(before)) / sample.requests;
  return {
    ...sample,
    loop: spent((used) => used.loop),
    cpu: spent((used) => used.user + used.system),
  };
}
