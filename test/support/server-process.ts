/** A server of somebody else's in a process of its own, ended with the test. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach } from "mocha";
import { PROGRAM_ENV } from "./programs.ts";

let running: ChildProcess[] = [];

afterEach(async () => {
  const processes = running;
  running = [];
  for (const one of processes) {
    if (one.exitCode !== null || one.signalCode !== null) continue;
    const gone = once(one, "exit");
    one.kill("SIGKILL");
    await gone;
  }
});

/** Resolves when something accepts connections at `path`. What the server prints is kept for when it does not come up. */
export async function startServer(
  path: string,
  program: string,
  args: readonly string[],
  options: { cwd?: string } = {},
): Promise<ChildProcess> {
  const server = spawn(program, args, {
    ...options,
    env: PROGRAM_ENV,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.push(server);
  let printed = "";
  for (const stream of [server.stdout, server.stderr])
    stream.on("data", (text: Buffer) => (printed += text.toString()));
  while (!(await accepts(path))) {
    if (server.exitCode !== null)
      throw new Error(`${program} does not start: ${printed}`);
    await sleep(20); // nothing says when it listens
  }
  return server;
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      resolve(true);
      probe.destroy();
    }).on("error", () => resolve(false));
  });
}
