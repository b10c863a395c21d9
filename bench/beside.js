/**
 * What a request costs beside the least that a server of its protocol can be: by HTTP/2, and by uwsgi. Each has a load
 * of its own. For the suites `engines` and `fronts` of run.js; each part of their reports comes as Markdown.
 */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { start, startServer, stopAll, usage } from "./children.js";
import { median } from "./statistics.js";
import { titledTable } from "./table.js";

const FRONT = fileURLToPath(new URL("uwsgi-load.js", import.meta.url));

/** `servers`: the first is the least. `load`: a command line that sends `requests`. */
const HTTP2 = {
  title: "The smallest request by HTTP/2, h2load",
  servers: ["node-http2", "eddy-http2"],
  requests: 50_000,
  load: (origin, requests) => [
    "h2load",
    "-t1",
    "-c16",
    "-m10",
    `-n${requests}`,
    `${origin}/`,
  ],
};

/** A front opens a connection for each request; 16 at a time. */
const FRONTS = {
  title: "A small request by uwsgi",
  servers: ["net-uwsgi", "eddy-front"],
  requests: 20_000,
  load: (origin, requests) => [
    process.execPath,
    FRONT,
    new URL(origin).port,
    16,
    requests,
  ],
};

export const measureHttp2 = (options, say) => measure(HTTP2, options, say);
export const measureFronts = (options, say) => measure(FRONTS, options, say);

async function* measure(pair, { rounds }, say) {
  try {
    const servers = [];
    for (const name of pair.servers) servers.push(await startServer(name));
    for (const server of servers) await cpuOf(server, pair); // V8 compiles
    const cpu = Object.fromEntries(pair.servers.map((name) => [name, []]));
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`);
      for (const server of servers)
        cpu[server.name].push(await cpuOf(server, pair));
    }
    const least = cpu[pair.servers[0]];
    const quotients = (name) => cpu[name].map((us, i) => us / least[i]);
    yield titledTable(
      pair.title,
      ["server", "CPU µs/req", "× baseline"],
      pair.servers.map((name) => [
        name,
        median(cpu[name]).toFixed(1),
        median(quotients(name)).toFixed(2),
      ]),
    );
  } finally {
    await stopAll();
  }
}

/** Microseconds for a request. */
async function cpuOf(server, { load, requests }) {
  const before = await usage(server);
  const [command, ...args] = load(server.origin, requests);
  const child = start("load", command, args, {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (said += text));
  const [code] = await once(child, "close").catch((cause) => {
    throw new Error(
      `${command} has not started; h2load is in Debian's nghttp2-client`,
      { cause },
    );
  });
  const counts = /(\d+) succeeded, \d+ failed/.exec(said);
  if (code !== 0 || (counts !== null && Number(counts[1]) !== requests))
    throw new Error(`${server.name} has not answered\n${said}`);
  const after = await usage(server);
  const used = after.user + after.system - before.user - before.system;
  return used / requests;
}
