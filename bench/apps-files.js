/** What a file costs, beside nginx: part of the suite `apps` of run.js. Gives its report as Markdown. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { freePort, start, startServer, stopAll, usage } from "./children.js";
import { median } from "./statistics.js";
import { titledTable } from "./table.js";
import { tools } from "./tools.js";

const MIB = 1024 * 1024;

/**
 * By the name of the file: who serves it, and how many ask at a time. The first server is what the others are compared
 * with.
 */
const CASES = [
  { file: "1k.txt", size: 1024, servers: ["nginx", "eddy-files"] },
  {
    file: "1m.bin",
    size: MIB,
    servers: ["nginx", `eddy-files ${2 * MIB}`, "eddy-files"],
  },
  {
    file: "100m.bin",
    size: 100 * MIB,
    servers: ["nginx", "eddy-files"],
    connections: 4,
  },
];

const TITLES = {
  nginx: "nginx, sendfile and open_file_cache",
  "eddy-files": "files()",
  [`eddy-files ${2 * MIB}`]: "files(), kept in memory",
};

export async function* measureFiles({ rounds, seconds, connections }, say) {
  const folder = mkdtempSync(join(tmpdir(), "eddy-bench-files-"));
  try {
    for (const { file, size } of CASES)
      writeFileSync(join(folder, file), Buffer.alloc(size, "eddy and nginx "));
    for (const one of CASES) {
      const servers = [];
      for (const name of one.servers)
        servers.push(await startFor(name, folder));
      const samples = Object.fromEntries(one.servers.map((name) => [name, []]));
      const load = { seconds, connections: one.connections ?? connections };
      for (const server of servers) await sample(server, one.file, load); // V8 compiles, the system reads
      for (let round = 1; round <= rounds; round++) {
        say(`${one.file}, round ${round} of ${rounds}`);
        for (const server of servers)
          samples[server.name].push(await sample(server, one.file, load));
      }
      await stopAll();
      yield titledTable(
        `A file of ${one.file.split(".")[0]}`,
        ["server", "req/s", "CPU µs/req", "× nginx", "memory, MB more"],
        one.servers.map((name) => row(name, samples, one.servers[0])),
      );
    }
  } finally {
    await stopAll();
    rmSync(folder, { recursive: true });
  }
}

function row(name, samples, baseline) {
  const own = samples[name];
  const ratios = own.map(({ cpu }, i) => cpu / samples[baseline][i].cpu);
  return [
    TITLES[name],
    Math.round(median(own.map(({ perSecond }) => perSecond))),
    median(own.map(({ cpu }) => cpu)).toFixed(1),
    median(ratios).toFixed(2),
    (Math.max(...own.map(({ more }) => more)) / 1e6).toFixed(0),
  ];
}

const startFor = (name, folder) =>
  name === "nginx"
    ? startNginx(folder)
    : startServer(name.replace(/^\S+/, `$& ${folder}`)).then((server) => ({
        ...server,
        name,
      }));

async function startNginx(folder) {
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/.${kind};`)
    .join(" ");
  writeFileSync(
    join(folder, ".conf"),
    `daemon off; master_process off; user root; pid ${folder}/.pid; error_log ${folder}/.log;
    events { worker_connections 4096; }
    http {
      ${temporary} access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
      open_file_cache max=1000 inactive=60s; open_file_cache_valid 1s;
      server { listen 127.0.0.1:${port}; root ${folder}; }
    }`,
  );
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const args = ["-c", join(folder, ".conf"), "-e", join(folder, ".log")];
  const child = start("server", "nginx", args, { stdio: "ignore", env });
  child.on("error", () => {});
  const origin = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    const answered = await fetch(`${origin}/1k.txt`).catch(() => undefined);
    if (answered?.ok) break;
    if (tries === 100) throw new Error("nginx does not answer; is it there?");
    await setTimeout(50);
  }
  return { name: "nginx", child, origin };
}

/** `more`: bytes of resident memory beyond what there was before, at most. */
async function sample(server, file, load) {
  const before = await used(server);
  let most = before.rss;
  const watch = setInterval(
    () => void used(server).then(({ rss }) => (most = Math.max(most, rss))),
    200,
  );
  const url = `${server.origin}/${file}`;
  const { requests, perSecond, failures } = await tools[0].load({
    url,
    headers: {},
    ...load,
  });
  clearInterval(watch);
  if (failures.errors > 0 || failures["non-2xx"] > 0 || requests === 0)
    throw new Error(`${server.name} has failed: ${JSON.stringify(failures)}`);
  const after = await used(server);
  const cpu = (after.cpu - before.cpu) / requests;
  return { perSecond, cpu, more: Math.max(most, after.rss) - before.rss };
}

/** CPU time in µs and resident bytes of the process; of nginx by proc(5), in ticks of 10 ms and pages of 4 KiB. */
async function used(server) {
  if (server.name !== "nginx") {
    const { user, system, rss } = await usage(server);
    return { cpu: user + system, rss };
  }
  const stat = readFileSync(`/proc/${server.child.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) * 10_000,
    rss: Number(fields[21]) * 4096,
  };
}
