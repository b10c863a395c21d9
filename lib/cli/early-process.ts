/**
 * A process for the first worker, started before the command knows its settings: a worker takes as long to load as the
 * command itself. It is a guess by what is called; where the settings ask for another process, this one is ended.
 */
import type { ChildProcess, ForkOptions } from "node:child_process";
import { getPriority } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { isCompiled } from "../common/source-files.ts";
import { CommandFailure } from "./failure.ts";
import { OTHER_RUNTIME } from "./runtime.ts";
import { workingFolder } from "./start.ts";
import {
  argumentsOf,
  forkWorker,
  isRunning,
  withSockets,
} from "./worker-fork.ts";

const FILE = /^[^-].*\.[cm]?[jt]sx?$/;

export class EarlyProcess {
  readonly #startedAs: object;
  /** Until somebody has taken it. */
  #child: ChildProcess | undefined;

  private constructor(options: ForkOptions) {
    this.#startedAs = startedAs(options);
    this.#child = forkWorker({ ...options, stdio: withSockets([]) });
    this.#child.on("error", () => {}); // whoever takes it starts another one, and hears why that cannot be
    this.#child.unref(); // alone it is nothing to stay for
    this.#child.channel?.unref();
  }

  /** Where the first word is an application's file, and none asks for a process without workers. */
  static guess(
    words: readonly string[],
    env: NodeJS.ProcessEnv,
  ): EarlyProcess | undefined {
    const [file = ""] = words;
    const saysHowMany =
      env.EDDY_WORKERS !== undefined ||
      words.some((word) => word.startsWith("--workers"));
    const isWanted = FILE.test(file) && !saysHowMany;
    if (!isWanted || OTHER_RUNTIME !== undefined) return undefined;
    const execArgv = argumentsOf({ compiles: isCompiled(file) });
    try {
      return new EarlyProcess({ env: { ...env }, execArgv });
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      return undefined; // what comes next fails, too, and says why
    }
  }

  /** Undefined where a process with these options, started now, would be another one; this one is ended then. */
  take(options: ForkOptions): ChildProcess | undefined {
    const { stdio: _, ...asked } = options;
    const child = this.#child;
    const fits =
      child !== undefined &&
      isRunning(child) &&
      child.connected &&
      isDeepStrictEqual(startedAs(asked), this.#startedAs);
    if (!fits) this.end();
    this.#child = undefined;
    if (!fits) return undefined;
    child.ref();
    child.channel!.ref();
    return child;
  }

  /** If nobody has taken it. */
  end(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }
}

/** With what else a process has from the one that starts it, and a module of settings may change there. */
const startedAs = (options: ForkOptions): object => ({
  ...options,
  folder: workingFolder(),
  umask: process.umask(),
  user: [process.getuid?.(), process.geteuid?.()],
  groups: [process.getgid?.(), process.getegid?.(), process.getgroups?.()],
  priority: getPriority(),
});
