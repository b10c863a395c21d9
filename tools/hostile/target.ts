/** The attacked server, as those see it who attack it. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type {
  DrainReport,
  ListenOptions,
  LoopOptions,
} from "../../lib/index.ts";
import type { Health } from "./health.ts";
import type { Answer, Question } from "./server.ts";

const SERVER = fileURLToPath(new URL("server.js", import.meta.url));

type Told<T extends Answer["tell"]> = Extract<Answer, { tell: T }>;

export class Target {
  readonly port: number;
  readonly tlsPort: number;
  readonly #process: ChildProcess;

  private constructor(
    server: ChildProcess,
    { port, tlsPort }: { port: number; tlsPort: number },
  ) {
    this.#process = server;
    this.port = port;
    this.tlsPort = tlsPort;
  }

  static async start(
    options: LoopOptions,
    engine: ListenOptions,
  ): Promise<Target> {
    const args = [options, engine].map((it) => JSON.stringify(it));
    const server = fork(SERVER, args, {
      execArgv: ["--expose-gc"],
      serialization: "advanced", // knows Infinity
    });
    return new Target(server, await told(server, "port"));
  }

  /** When nothing is live, and at most `files` are open. */
  async health(files = Infinity): Promise<Health> {
    return (await this.#ask({ ask: "health", files }, "health")).health;
  }

  /** When so many exchanges and sockets are live. */
  async live({ least = 0, most = Infinity }): Promise<void> {
    await this.#ask({ ask: "live", least, most }, "live");
  }

  /** Drains the server. Its warnings and errors come with the tally. */
  async close(): Promise<{ tally: DrainReport["tally"]; log: string[] }> {
    return this.#ask({ ask: "close" }, "closed");
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  #ask<T extends Answer["tell"]>(
    question: Question,
    tell: T,
  ): Promise<Told<T>> {
    const answer = told(this.#process, tell);
    if (this.#process.connected) this.#process.send(question);
    return answer;
  }
}

/** The next message of the server; a server that ends instead has crashed. */
function told<T extends Answer["tell"]>(
  server: ChildProcess,
  tell: T,
): Promise<Told<T>> {
  return new Promise((resolve, reject) => {
    const ended = (): void =>
      reject(
        new Error(
          `the server has ended: ${server.signalCode ?? `exit code ${server.exitCode}`}`,
        ),
      );
    if (!server.connected) return ended();
    server.once("exit", ended);
    server.once("message", (answer: Answer) => {
      server.off("exit", ended);
      if (answer.tell === tell) resolve(answer as Told<T>);
      else reject(new Error(`${tell} was asked for, ${answer.tell} was told`));
    });
  });
}
