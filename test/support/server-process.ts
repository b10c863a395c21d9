/** A server of somebody else's in a process of its own, ended with the test. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterTest } from "./hooks.ts";
import { PROGRAM_ENV } from "./programs.ts";

interface Options {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What ends it: one that has processes of its own must be able to end them. */
  readonly signal?: "SIGTERM" | "SIGKILL";
}

/**
 * Resolves when something accepts connections at a path or a port. What the server prints is kept for when it does not
 * come up.
 */
export async function startServer(
  place: string | number,
  program: string,
  args: readonly string[],
  { cwd, env, signal = "SIGKILL" }: Options = {},
): Promise<ChildProcess> {
  const server = spawn(program, args, {
    ...(cwd !== undefined && { cwd }),
    env: { ...PROGRAM_ENV, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  afterTest(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill(signal);
    await once(server, "exit");
  });
  let printed = "";
  for (const stream of [server.stdout, server.stderr])
    stream.on("data", (text: Buffer) => (printed += text.toString()));
  while (!(await accepts(place))) {
    if (server.exitCode !== null)
      throw new Error(`${program} does not start: ${printed}`);
    await sleep(20); // nothing says when it listens
  }
  return server;
}

function accepts(place: string | number): Promise<boolean> {
  return new Promise((resolve) => {
    const target =
      typeof place === "string" ? { path: place } : { port: place };
    const probe = connect({ host: "127.0.0.1", ...target }, () => {
      resolve(true);
      probe.destroy();
    }).on("error", () => resolve(false));
  });
}
