/**
 * Notifies systemd (sd_notify(3)) where it started the command. By its own tool, because Node has no datagram sockets
 * for Unix, and a native add-on would have to be built for every platform.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { call, sleep, type Operation } from "effection";
import type { Logger } from "../index.ts";

const run = promisify(execFile);

export class Systemd {
  readonly #env: NodeJS.ProcessEnv;
  readonly #log: Logger;
  #isMain = true;

  constructor(env: NodeJS.ProcessEnv, log: Logger) {
    this.#env = env;
    this.#log = log;
  }

  /**
   * That this process is the main one, and `READY=1`, `RELOADING=1`, `STOPPING=1`, `WATCHDOG=1`. Nothing happens where
   * systemd did not start us.
   */
  *tell(...states: string[]): Operation<void> {
    if (!this.#env.NOTIFY_SOCKET || !this.#isMain) return;
    try {
      yield* call(() =>
        run("systemd-notify", [`--pid=${process.pid}`, ...states], {
          env: this.#env,
        }),
      );
    } catch (error) {
      this.#log.warn({ err: error }, "cannot notify systemd");
    }
  }

  /**
   * Another process has told systemd that it is the main one (`MAINPID=`): to tell more would make it this one again.
   */
  leave(): void {
    this.#isMain = false;
  }

  /** Twice in the time that systemd allows, as it recommends. It restarts a supervisor that is stuck. */
  *pingWatchdog(): Operation<void> {
    const everyMs = Number(this.#env.WATCHDOG_USEC) / 2000;
    if (!(everyMs > 0)) return;
    for (;;) {
      yield* this.tell("WATCHDOG=1");
      yield* sleep(everyMs);
    }
  }
}
