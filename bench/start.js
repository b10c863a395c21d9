/**
 * How long until the first answer, and what it takes until then: the command beside a Fastify program, in turns.
 * `node bench/start.js [rounds]`, after `npm run build` and `npm ci --prefix bench`; Linux only. Fifteen rounds take a
 * minute and a half. On a machine that others use, look at the CPU time: its quotients come from fewer neighbours.
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setTimeout } from "node:timers/promises";
import { freePort, start } from "./children.js";
import { median } from "./statistics.js";

const ROUNDS = Number(process.argv[2] ?? 15);
/** After the first answer, what is loaded later is there, too. */
const SETTLE_MS = 1200;
const MIB = 1024;

const path = (file) => fileURLToPath(new URL(file, import.meta.url));
const command = [
  path("../bundle/lib/cli/main.js"),
  path("servers/hello-app.js"),
];
const servers = {
  fastify: (port) => [path("servers/fastify.js"), port],
  eddy: (port) => [...command, "--port", port],
  "eddy --workers 0": (port) => [...command, "--port", port, "--workers", 0],
};
const COLUMNS = ["ms", "CPU ms", "RSS MiB", "PSS MiB"];

const samples = Object.keys(servers).map((name) => [name, []]);
for (let round = 0; round < ROUNDS; round++)
  for (const [name, taken] of samples) taken.push(await sample(servers[name]));

console.log(`| server | ${COLUMNS.join(" | ")} |`);
console.log(`| --- |${" ---: |".repeat(COLUMNS.length)}`);
const middle = (taken) =>
  COLUMNS.map((_, i) => median(taken.map((one) => one[i])));
const base = middle(samples[0][1]);
for (const [name, taken] of samples) {
  const cells = middle(taken).map(
    (value, i) => `${Math.round(value)} (${(value / base[i]).toFixed(2)})`,
  );
  console.log(["", name, ...cells, ""].join(" | ").trim());
}

/** As COLUMNS, of the process and its children. */
async function sample(argumentsAt) {
  const port = await freePort();
  const startedAt = performance.now();
  const child = start("any", process.execPath, argumentsAt(port), {
    stdio: ["ignore", "ignore", "inherit"],
  });
  while (!(await answers(port))) await setTimeout(2);
  const ms = performance.now() - startedAt;
  const cpuMs = sum(treeOf(child.pid).map(cpuOf));
  await setTimeout(SETTLE_MS);
  const memory = treeOf(child.pid).map((pid) => textOf(pid, "smaps_rollup"));
  const mib = (field) => sum(memory.map((text) => numberIn(text, field) / MIB));
  child.kill("SIGTERM");
  await once(child, "exit");
  return [ms, cpuMs, mib("Rss"), mib("Pss")];
}

async function answers(port) {
  try {
    const headers = { connection: "close" };
    return (await fetch(`http://127.0.0.1:${port}/`, { headers })).ok;
  } catch {
    return false;
  }
}

function sum(numbers) {
  return numbers.reduce((total, one) => total + one, 0);
}

function textOf(pid, file) {
  return readFileSync(`/proc/${pid}/${file}`, "utf8");
}

function numberIn(text, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(text)[1]);
}

function treeOf(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    textOf(pid, `task/${thread}/children`).split(" ").filter(Boolean),
  );
  return [pid, ...children.flatMap(treeOf)];
}

/** Of all its threads, to the nanosecond, and of the children that have ended, to ten milliseconds. */
function cpuOf(pid) {
  const own = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(textOf(pid, `task/${thread}/schedstat`).split(" ")[0]),
  );
  const [, fields] = textOf(pid, "stat").split(") ");
  const [user, system] = fields.split(" ").slice(13, 15).map(Number);
  return sum(own) / 1e6 + (user + system) * 10;
}
