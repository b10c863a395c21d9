/** A server of somebody else's in a process of its own, ended with the test. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterTest } from "./hooks.ts";
import { PROGRAM_ENV } from "./programs.ts";

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
  afterTest(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill("SIGKILL");
    await once(server, "exit");
  });
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
