/** The command as a user runs it: a real process in a folder; ended with the test. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { INTERVALS } from "../../lib/cli/intervals.ts";
import { freePort } from "./free-port.ts";
import { afterTest } from "./hooks.ts";
import { HAS_UWS } from "./native.ts";
import { ROOT } from "./root.ts";

export const MAIN = join(ROOT, "dist/lib/cli/main.js");

const quoted = (path: string): string => `'${path.replaceAll("'", `'\\''`)}'`;

/** The command for a shell: its path may have spaces. */
export const IN_SHELL = `${quoted(process.execPath)} ${quoted(MAIN)}`;

/** Of a test with real processes: the machine may be busy. */
export const PATIENCE_MS = 60_000;

export interface Line {
  pid: number;
  level: number;
  msg: string;
  [field: string]: unknown;
}

export class Eddy {
  readonly ended: Promise<number | string>;
  readonly lines: string[] = [];
  /** What reads its standard output. */
  readonly output: Interface;
  stderr = "";
  readonly #child: ChildProcess;
  #waiting: (() => void)[] = [];
  #over = false;

  constructor(
    cwd: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    main = MAIN,
    launcher: readonly string[] = [],
  ) {
    const line = [...launcher, process.execPath, main, ...args];
    this.#child = spawn(line[0]!, line.slice(1), {
      cwd,
      env: { ...ownSettings(), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.output = createInterface(this.#child.stdout!).on("line", (line) => {
      this.lines.push(line);
      this.#look();
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#look();
    });
    this.ended = once(this.#child, "close").then(([code, signal]) => {
      this.#over = true;
      this.#look();
      return (code ?? signal) as number | string;
    });
    afterTest(() => this.end());
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What it logged so far. */
  get log(): Line[] {
    return this.lines
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Line);
  }

  /** The first output that gives something, also one to come. */
  async until<T>(what: string, look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#over)
        throw new Error(
          `ended without ${what}\n${this.stderr}\n${this.lines.join("\n")}`,
        );
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The `nth` line of the log whose message matches. */
  async logged(message: RegExp, nth = 1): Promise<Line> {
    return await this.until(
      `${String(message)} (${nth})`,
      () => this.log.filter(({ msg }) => message.test(msg))[nth - 1],
    );
  }

  async complains(message: RegExp): Promise<void> {
    await this.until(String(message), () =>
      message.test(this.stderr) ? true : undefined,
    );
  }

  /** Where it serves, once all workers do. */
  async url(): Promise<string> {
    const { address } = await this.logged(/reloads$/);
    return (address as { url: string }).url;
  }

  async workers(): Promise<number[]> {
    return (await this.logged(/reloads$/)).workers as number[];
  }

  /** By a connection of its own, so that every worker gets its turn. */
  async text(path = "/"): Promise<string> {
    const request = get((await this.url()) + path, { agent: false });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return (await response.setEncoding("utf8").toArray()).join("");
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(): Promise<void> {
    this.kill("SIGTERM");
    this.kill("SIGINT");
    await this.ended;
  }

  #look(): void {
    for (const look of this.#waiting.splice(0)) look();
  }
}

/**
 * The settings of whoever runs the tests are none of theirs. Where uWebSockets.js does not load, no log is to say so.
 */
function ownSettings(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(
    ([name]) =>
      !name.startsWith("EDDY_") && !["NODE_ENV", "PORT"].includes(name),
  );
  return {
    ...Object.fromEntries(others),
    ...(!HAS_UWS && { EDDY_ENGINE: "node" }),
  };
}

/** For the environment of a command that is not to wait as long as it does for users. See lib/cli/intervals.ts. */
export const shorter = (
  intervals: Partial<typeof INTERVALS>,
): NodeJS.ProcessEnv => ({
  INTERNAL_EDDY_INTERVALS: JSON.stringify(intervals),
});

/** On a free port of this machine, where the arguments say nothing else. */
export function eddy(
  cwd: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Eddy {
  const http = args.includes("--http") ? [] : ["--http", "127.0.0.1:0"];
  return new Eddy(cwd, [...args, ...http], env);
}

/** On a port that the system gives to nobody else while no worker has it: between a crash and the next one's start. */
export async function eddyThatCrashes(
  cwd: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<Eddy> {
  const http = `127.0.0.1:${await freePort()}`;
  return new Eddy(cwd, ["--http", http, ...args], env);
}
