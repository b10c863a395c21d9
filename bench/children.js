/**
 * The processes the benchmark starts. Each is kept on one core, where that can be done, so that server and load do not
 * push each other around; and none survives the benchmark.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

const CORES = { server: 0, load: 1 };
/** How long a server may take to listen, or to answer a message. */
const PATIENCE_MS = 15_000;

export const pinned =
  availableParallelism() >= 2 &&
  spawnSync("taskset", ["-c", "0,1", "true"]).status === 0;

const children = new Set();

process.on("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, (name, number) => process.exit(128 + number)); // which kills them all
}

/** Starts a command on the core for `role`, "server" or "load"; for any other role, wherever the system likes. */
export function start(role, command, args, options) {
  const line = [command, ...args].map(String);
  if (pinned && role in CORES)
    line.unshift("taskset", "-c", String(CORES[role]));
  const child = spawn(line[0], line.slice(1), options);
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Moves a process, with all of its threads, to the core for `role`. */
export function pin(pid, role) {
  if (pinned)
    spawnSync("taskset", ["-a", "-p", "-c", String(CORES[role]), String(pid)]);
}

/** Starts servers/<name>.js, with what follows its name as arguments, and waits until it listens. */
export async function startServer(name, role = "server") {
  const [script, ...args] = name.split(" ");
  const file = fileURLToPath(new URL(`servers/${script}.js`, import.meta.url));
  const port = await freePort();
  const child = start(role, process.execPath, [file, port, ...args], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const server = { name, child, origin: `http://127.0.0.1:${port}` };
  await nextMessage(server);
  return server;
}

/** What the server's process has used so far. See servers/report.js. */
export function usage(server) {
  const answer = nextMessage(server);
  if (server.child.connected) server.child.send("usage");
  return answer;
}

export async function stopAll() {
  const gone = Array.from(children, (child) => once(child, "exit"));
  killAll();
  await Promise.all(gone);
}

/** What each part gives, one after the other: `parts` are names and functions. No server outlives its part. */
export async function* inTurn(parts, say) {
  for (const [name, part] of parts) {
    say(name);
    try {
      yield await part();
    } finally {
      await stopAll();
    }
  }
}

function killAll() {
  for (const child of children) child.kill("SIGKILL"); // there is nothing to finish, and a graceful end could take long
}

function nextMessage({ name, child }) {
  const { promise, resolve, reject } = withResolvers();
  const onExit = (code, signal) =>
    reject(
      new Error(`server ${name} has ended (${signal ?? `exit code ${code}`})`),
    );
  const timer = setTimeout(
    () => reject(new Error(`server ${name} does not answer`)),
    PATIENCE_MS,
  );
  if (child.connected) child.once("exit", onExit).once("message", resolve);
  else onExit(child.exitCode, child.signalCode);
  return promise.finally(() => {
    clearTimeout(timer);
    child.off("exit", onExit).off("message", resolve);
  });
}

/** Promise.withResolvers, which Node.js 20 lacks. */
function withResolvers() {
  let resolve, reject;
  const promise = new Promise(
    (...functions) => ([resolve, reject] = functions),
  );
  return { promise, resolve, reject };
}

export async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}
