/** Real brokers, each in a process of its own, that a test can stop, kill and start again at the same port. */
import { execFile, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { nats } from "../../lib/brokers/nats.ts";
import { redis } from "../../lib/brokers/redis.ts";
import type { Broker } from "../../lib/index.ts";
import type { BrokerOptions } from "../../lib/brokers/options.ts";
import { folderWith } from "./folder.ts";
import { freePort } from "./free-port.ts";
import { missing } from "./programs.ts";
import { startServer } from "./server-process.ts";

/** Where one runs, and where it tells how it is, if that is elsewhere. */
export interface Place {
  readonly port: number;
  readonly monitor: number;
  readonly folder: string;
  readonly host: string;
}

export interface BrokerKind {
  readonly name: "nats" | "redis";
  /** Why there is none. */
  readonly missing: string | undefined;
  /** `host`: where it listens. */
  args(at: Place): string[];
  readonly program: string;
  broker(url: string, options?: BrokerOptions): Broker;
  /** How many subscribe to a topic of the default prefix, as the broker itself counts them. */
  subscribers(at: Place, topic: string): Promise<number>;
}

const NATS: BrokerKind = {
  name: "nats",
  program: "nats-server",
  missing: missing("nats-server"),
  args: ({ port, monitor, host }) => [
    "-a",
    host,
    "-p",
    String(port),
    "-m",
    String(monitor),
  ],
  broker: nats,
  async subscribers({ monitor }, topic) {
    const answer = await fetch(`http://127.0.0.1:${monitor}/connz?subs=1`);
    const { connections } = (await answer.json()) as {
      connections: { subscriptions_list?: string[] }[];
    };
    return connections
      .flatMap((one) => one.subscriptions_list ?? [])
      .filter((subject) => subject === `eddy.${topic}`).length;
  },
};

const REDIS: BrokerKind = {
  name: "redis",
  program: "redis-server",
  missing: missing("redis-server"),
  args: ({ port, folder, host }) => [
    "--port",
    String(port),
    "--bind",
    host,
    "--dir",
    folder,
    "--save",
    "",
    "--protected-mode",
    "no",
  ],
  broker: redis,
  async subscribers({ port }, topic) {
    const args = ["-p", String(port), "PUBSUB", "NUMSUB", `eddy:${topic}`];
    const { stdout } = await promisify(execFile)("redis-cli", args);
    return Number(stdout.trim().split("\n").at(-1));
  },
};

export const BROKERS = [NATS, REDIS];

export class BrokerServer {
  readonly kind: BrokerKind;
  readonly place: Place;
  #process: ChildProcess | undefined;

  constructor(kind: BrokerKind, place: Place) {
    this.kind = kind;
    this.place = place;
  }

  static async start(kind: BrokerKind): Promise<BrokerServer> {
    const server = new BrokerServer(kind, {
      port: await freePort(),
      monitor: await freePort(),
      folder: folderWith({}),
      host: "127.0.0.1",
    });
    await server.start();
    return server;
  }

  get url(): string {
    return `${this.kind.name}://127.0.0.1:${this.place.port}`;
  }

  broker(options?: BrokerOptions): Broker {
    return this.kind.broker(this.url, options);
  }

  async start(): Promise<void> {
    const { program } = this.kind;
    const args = this.kind.args(this.place);
    this.#process = await startServer(this.place.port, program, args);
  }

  async kill(): Promise<void> {
    this.#process!.kill("SIGKILL");
    await once(this.#process!, "exit");
  }

  /** Has it stand still: the system tells it a moment later, in which it may still answer. */
  async hold(): Promise<void> {
    this.#process!.kill("SIGSTOP");
    const stat = `/proc/${this.#process!.pid}/stat`; // proc(5): the name in brackets, and the state
    while (existsSync(stat) && !/\) T/.test(readFileSync(stat, "utf8")))
      await setImmediate();
  }

  goOn(): void {
    this.#process!.kill("SIGCONT");
  }

  async subscribers(topic: string): Promise<number> {
    return await this.kind.subscribers(this.place, topic);
  }

  /** The broker does not say when it has a subscription. */
  async hasSubscribers(topic: string, count: number): Promise<void> {
    while ((await this.subscribers(topic)) !== count);
  }
}
