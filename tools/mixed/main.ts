/**
 * `npm run mixed [-- --count n --seed n]`: requests of every kind at once, with errors that cannot be logged as they
 * are, clients that leave, uploads and forks among them. It says whether a process has ended, whether there is an
 * access line for each request, and how the memory of each process has grown. A million take some ten minutes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { freePort } from "../../test/support/free-port.ts";
import { MAIN } from "../../test/support/command.ts";
import { Random } from "../fuzz/random.ts";
import { Client, type Request } from "./client.ts";

const CLIENTS = 32;
/** Of a process's memory over the second half of the requests. */
const MOST_GROWTH = 1.25;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
  },
});
const count = Number(values.count);
const random = new Random(Number(values.seed));

const bytes = (length: number): Buffer => Buffer.alloc(length, "x");
const JSON_BODY = Buffer.from(JSON.stringify({ name: "x".repeat(680) }));
const LIMIT = 1024 * 1024;

/** What is asked, and how often of a thousand times. */
const MIX: readonly (readonly [number, Request])[] = [
  [330, { method: "GET", path: "/sync", status: 200 }],
  [200, { method: "GET", path: "/async", status: 200 }],
  [100, { method: "GET", path: "/operation", status: 200 }],
  [120, { method: "POST", path: "/json", status: 200, body: JSON_BODY }],
  [20, { method: "POST", path: "/size", status: 200, body: bytes(100_000) }],
  [3, { method: "POST", path: "/size", status: 200, body: bytes(LIMIT) }],
  [
    2,
    {
      method: "POST",
      path: "/size",
      status: 413,
      body: bytes(20_000),
      announced: LIMIT + 1,
    },
  ],
  [10, { method: "POST", path: "/echo", status: 200, body: bytes(20_000) }],
  [
    5,
    {
      method: "POST",
      path: "/echo",
      status: 200,
      body: bytes(20_000),
      announced: 40_000,
      ending: "leave",
    },
  ],
  [20, { method: "GET", path: "/drip", status: 200, ending: "leave" }],
  [20, { method: "GET", path: "/frozen/sync", status: 500 }],
  [20, { method: "GET", path: "/frozen/async", status: 500 }],
  [20, { method: "GET", path: "/frozen/operation", status: 500 }],
  [10, { method: "GET", path: "/frozen/stream", status: 200, ending: "cut" }],
  [20, { method: "GET", path: "/frozen/wsgi", status: 500 }],
  [30, { method: "GET", path: "/nothing", status: 404 }],
  [50, { method: "GET", path: "/python/", status: 200 }],
  [17, { method: "POST", path: "/python/", status: 200, body: bytes(50_000) }],
  [1, { method: "GET", path: "/python/fork/raises", status: 200 }],
  [1, { method: "GET", path: "/python/fork/exits", status: 200 }],
  [1, { method: "GET", path: "/python/fork/returns", status: 200 }],
];
const BAG = MIX.flatMap(([times, request]) =>
  Array<Request>(times).fill(request),
);

const folder = mkdtempSync(join(tmpdir(), "eddy-mixed-"));
const accessLog = join(folder, "access.log");
const port = await freePort();
const command = spawn(
  process.execPath,
  [
    MAIN,
    join(import.meta.dirname, "app.js"),
    `--http=127.0.0.1:${port}`,
    "--workers=1",
    `--max-body=${LIMIT}B`,
    `--access-log=${accessLog}`,
  ],
  { stdio: ["ignore", "pipe", "pipe"] },
);
let said = "";
for (const stream of [command.stdout, command.stderr])
  stream.on("data", (text: Buffer) => {
    said = (said + text.toString()).slice(-4000);
  });
let problem: string | undefined;
try {
  await serving();
  await load(Math.ceil(count / 2));
  const before = processes();
  await load(Math.floor(count / 2));
  const after = processes();
  command.kill("SIGTERM");
  const [code] = (await once(command, "exit")) as [number | null];
  problem = judge(before, after, await linesOf(accessLog), code);
} finally {
  command.kill("SIGKILL");
  rmSync(folder, { recursive: true });
}
console.log(problem ?? "nothing wrong");
process.exit(problem === undefined ? 0 : 1);

async function serving(): Promise<void> {
  for (;;) {
    if (command.exitCode !== null)
      throw new Error(`the command has ended: ${said}`);
    try {
      await fetch(`http://127.0.0.1:${port}/nothing`);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50)); // nothing says when it listens
    }
  }
}

async function load(requests: number): Promise<void> {
  let left = requests;
  const ask = async (): Promise<void> => {
    const client = new Client(port);
    while (left-- > 0) await client.ask(random.pick(BAG));
    client.end();
  };
  await Promise.all(Array.from({ length: CLIENTS }, ask));
}

/**
 * The command, its worker and that one's process of Python, by pid: what they run, and their memory in KiB. What Python
 * forks comes and goes.
 */
function processes(): Map<number, { name: string; memory: number }> {
  const found = new Map<number, { name: string; memory: number }>();
  const visit = (pid: number, below: number): void => {
    const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, "utf8");
    const memory = Number(/^VmRSS:\s+(\d+)/m.exec(read("status"))?.[1]);
    const name = read("cmdline").replaceAll("\0", " ").slice(0, 60);
    found.set(pid, { name, memory });
    const children = read(`task/${pid}/children`).trim();
    if (children === "" || below === 0) return;
    for (const child of children.split(" ")) visit(Number(child), below - 1);
  };
  visit(command.pid!, 2);
  return found;
}

async function linesOf(file: string): Promise<number> {
  let lines = 0;
  for await (const line of createInterface(createReadStream(file)))
    if (line !== "") lines++;
  return lines;
}

function judge(
  before: ReturnType<typeof processes>,
  after: ReturnType<typeof processes>,
  lines: number,
  code: number | null,
): string | undefined {
  const problems: string[] = [];
  for (const [pid, { name, memory }] of before) {
    const now = after.get(pid);
    console.log(`${name}: ${memory} -> ${now?.memory} KiB`);
    if (now === undefined) problems.push(`${name} (${pid}) has ended`);
    else if (now.memory > memory * MOST_GROWTH)
      problems.push(`${name} (${pid}) has grown`);
  }
  for (const [pid, { name }] of after)
    if (!before.has(pid)) problems.push(`${name} (${pid}) is new`);
  const asked = count + 1;
  console.log(`requests ${asked}, access lines ${lines}`);
  if (lines !== asked)
    problems.push(`${asked} requests, but ${lines} access lines`);
  if (code !== 0) problems.push(`the command has ended with ${code}`);
  return problems.length === 0 ? undefined : problems.join("\n");
}
