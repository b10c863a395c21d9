/** SIGUSR2: the command as it is installed now takes the place of this supervisor, once it serves. */
import { spawn, type ChildProcess } from "node:child_process";
import { race, resource, withResolvers, type Operation } from "effection";
import type { Logger } from "../index.ts";
import { bequest, SERVING } from "./inheritance.ts";
import type { Sockets } from "./sockets.ts";
import type { Start } from "./start.ts";
import { withSockets } from "./worker-fork.ts";

/**
 * Starts the next supervisor with the arguments of this one, and the sockets. Done when it serves, or has failed to,
 * which the log says then; it is ended with the scope if it does not serve.
 *
 * @returns whether it serves.
 */
export function* succeed(
  start: Start,
  sockets: Sockets,
  log: Logger,
): Operation<boolean> {
  if (process.pid === 1) {
    log.error(
      "no new release is started: a container ends with its process 1, which this is; start another container",
    );
    return false;
  }
  const successor = yield* useSuccessor(start, sockets);
  log.info(`process ${successor.pid} starts as the new release`);
  const failure = yield* race([successor.serving, successor.failed]);
  if (failure === undefined) return true;
  log.error(
    `the new release does not start: process ${successor.pid} ${failure}; this one goes on`,
  );
  return false;
}

interface Successor {
  readonly pid: number | undefined;
  readonly serving: Operation<undefined>;
  /** How. */
  readonly failed: Operation<string>;
}

function useSuccessor(start: Start, sockets: Sockets): Operation<Successor> {
  return resource(function* (provide) {
    const serving = withResolvers<undefined>();
    const failed = withResolvers<string>();
    let serves = false;
    const child = spawnNext(start, sockets)
      .on("message", (message) => {
        if (message !== SERVING) return;
        serves = true;
        serving.resolve(undefined);
      })
      .on("error", ({ message }) => failed.resolve(`failed: ${message}`))
      .on("exit", (code, signal) =>
        failed.resolve(
          signal ? `was ended by ${signal}` : `ended with code ${code}`,
        ),
      );
    try {
      yield* provide({
        pid: child.pid,
        serving: serving.operation,
        failed: failed.operation,
      });
    } finally {
      if (serves) {
        child.unref();
        if (child.connected) child.disconnect();
      } else child.kill("SIGTERM");
    }
  });
}

/** By the path that this one was started by: what is there now may be a newer one. */
function spawnNext({ folder, env }: Start, sockets: Sockets): ChildProcess {
  const held = sockets.all;
  const given = held.map(({ fd }) => fd).filter((fd) => fd !== undefined);
  return spawn(
    process.execPath,
    [...process.execArgv, ...process.argv.slice(1)],
    {
      cwd: folder,
      env: { ...env, PWD: folder, ...bequest(held) },
      stdio: withSockets(given),
    },
  );
}
