/** The first worker. It loads while the supervisor loads what it needs itself, and tries the engine meanwhile. */
import type { ChildProcess } from "node:child_process";
import { parseHttpAddress } from "./http-address.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import type { Settings } from "./schema.ts";
import { isRunning } from "./worker-fork.ts";

/** It belongs to whoever makes it, until somebody takes its process. */
export class FirstWorker {
  /** Why uWebSockets.js does not load on this machine; nothing where it does. One that crashes does not load. */
  readonly faultOfUws: Promise<string>;
  #child: ChildProcess | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.faultOfUws = new Promise((resolve) => {
      child.on("message", (message: FromWorker) => {
        if (message.type === "tried") resolve(message.fault);
      });
      child.on("error", ({ message }) => resolve(message));
      child.on("exit", (code, signal) =>
        resolve(
          `a process that loads it ${signal ? `is ended by ${signal}` : `ends with code ${code}`}`,
        ),
      );
    });
    child.send({ type: "try" } satisfies ToWorker);
  }

  /** Once, and if it runs. */
  take(): ChildProcess | undefined {
    const child = this.#child;
    this.#child = undefined;
    return child !== undefined && isRunning(child) ? child : undefined;
  }

  /** If nobody has taken it. */
  end(): void {
    this.take()?.kill("SIGKILL");
  }
}

/** Nobody could have use for it: the workers are given a socket at their start, and no engine has to be tried. */
export const isAllByNode = ({ http, http2, engine }: Settings): boolean =>
  http2 ||
  (http.length > 0 &&
    http.every(
      (entry) => (parseHttpAddress(entry)!.engine ?? engine) === "node",
    ));
