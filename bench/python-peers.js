/** The servers that Python has, where they are installed, each with one process: for the suite `python`. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { freePort, start } from "./children.js";
import { titledTable } from "./table.js";

/** The system's own, for which a system's packages are installed. */
export const PYTHON = existsSync("/usr/bin/python3")
  ? "/usr/bin/python3"
  : "python3";

const FOLDER = fileURLToPath(new URL("servers/apps/python", import.meta.url));

const UWSGI = "--plugin python3 --need-app --disable-logging";

const COMMANDS = {
  "uwsgi --http-socket": (app, address) =>
    `uwsgi --http-socket ${address} ${UWSGI} --module hello:${app}`,
  "uwsgi --http11-socket": (app, address) =>
    `uwsgi --http11-socket ${address} ${UWSGI} --threads 64 --module hello:${app}`,
  "gunicorn sync": (app, address) => `gunicorn --bind ${address} hello:${app}`,
};

/** Those that are installed. */
export function peers() {
  return Object.keys(COMMANDS).filter(
    (name) => spawnSync(name.split(" ")[0], ["--version"]).status === 0,
  );
}

export const hasFlask = () => hasModule("flask");

export const hasModule = (name) =>
  spawnSync(PYTHON, ["-c", `import ${name}`]).status === 0;

/** Starts Uvicorn with an application of apps/python/asgi.py; `name()` is a factory. */
export async function startUvicorn(name, app, flags, role) {
  const port = await freePort();
  const factory = app.endsWith("()") ? "--factory" : "";
  const child = run(
    `${PYTHON} -m uvicorn asgi:${app.replace("()", "")} ${factory} --port ${port} --no-access-log ${flags}`.replace(
      /  +/g,
      " ",
    ),
    role,
  );
  const server = { name, child, origin: `http://127.0.0.1:${port}` };
  await until(`${name} to answer`, () => fetch(server.origin));
  return server;
}

/** Starts one, and waits until it answers. */
export async function startPeer(name, app, role) {
  const port = await freePort();
  const child = run(COMMANDS[name](app, `127.0.0.1:${port}`), role);
  const server = { name, child, origin: `http://127.0.0.1:${port}` };
  await until(`${name} to answer`, () => fetch(server.origin));
  return server;
}

/** Starts uWSGI for servers in front of it, and waits until it listens. */
export async function startUwsgi(app) {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const child = run(
    `uwsgi --socket ${address} ${UWSGI} --module hello:${app}`,
    "anywhere",
  );
  await until("uwsgi to listen", () => once(connect(port).unref(), "connect"));
  return { child, address };
}

function run(command, role) {
  const [program, ...args] = command.split(" ");
  return start(role, program, args, { cwd: FOLDER, stdio: "ignore" });
}

async function until(what, attempt) {
  for (let patience = 100; patience > 0; patience--) {
    const done = await attempt().then(
      () => true,
      () => false,
    );
    if (done) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited in vain for ${what}`);
}

/** A process and those below it. */
export function treeOf(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8")
      .split(" ")
      .filter(Boolean)
      .map(Number),
  );
  return [pid, ...children.flatMap(treeOf)];
}

/** proc(5): time on a CPU in µs, of all threads. */
export function cpuOf(pid) {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) => readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8"))
    .reduce((sum, line) => sum + Number(line.split(" ")[0]) / 1000, 0);
}

/** Bytes in memory. */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) * 1024;
}

/** A table: 20,000 requests to /slow, while a process of Python below the server is killed every second. */
export async function killed(server) {
  const answers = {};
  let left = 20_000;
  let kills = 0;
  const killer = setInterval(() => {
    const [, ...pythons] = treeOf(server.child.pid);
    if (pythons.length > 0)
      process.kill(pythons[kills++ % pythons.length], "SIGKILL");
  }, 1000);
  const client = async () => {
    while (left-- > 0) {
      const { status } = await fetch(`${server.origin}/slow`);
      answers[status] = (answers[status] ?? 0) + 1;
    }
  };
  const since = performance.now();
  await Promise.all(Array.from({ length: 16 }, client));
  clearInterval(killer);
  const seconds = (performance.now() - since) / 1000;
  return titledTable(
    `20,000 requests in ${seconds.toFixed(1)} s, 4 processes, a kill each second: ${kills}`,
    ["status", "answers"],
    Object.entries(answers),
  );
}
