/** What a request by uwsgi costs: the suite `fronts` of run.js. Gives its report as Markdown. */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { start, startServer, stopAll, usage } from "./children.js";
import { median } from "./statistics.js";
import { titledTable } from "./table.js";

const BASELINE = "net-uwsgi";
const SERVERS = [BASELINE, "eddy-front"];
/** At a time; a front opens a connection for each. */
const CONNECTIONS = 16;
const REQUESTS = 20_000;

export async function* measureFronts({ rounds }, say) {
  try {
    const servers = [];
    for (const name of SERVERS) servers.push(await startServer(name));
    for (const server of servers) await cpuOf(server); // V8 compiles
    const cpu = Object.fromEntries(SERVERS.map((name) => [name, []]));
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`);
      for (const server of servers) cpu[server.name].push(await cpuOf(server));
    }
    const quotients = (name) => cpu[name].map((us, i) => us / cpu[BASELINE][i]);
    yield titledTable(
      "A small request by uwsgi",
      ["server", "CPU µs/req", "× baseline"],
      SERVERS.map((name) => [
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
async function cpuOf(server) {
  const before = await usage(server);
  const load = start(
    "load",
    process.execPath,
    [
      fileURLToPath(new URL("uwsgi-load.js", import.meta.url)),
      new URL(server.origin).port,
      CONNECTIONS,
      REQUESTS,
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const [code] = await once(load, "exit");
  if (code !== 0) throw new Error(`${server.name} has not answered`);
  const after = await usage(server);
  const used = after.user + after.system - before.user - before.system;
  return used / REQUESTS;
}
