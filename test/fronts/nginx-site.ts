/** nginx in front of three commands, of which one is killed, drained or reloaded again and again while clients ask. */
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { Eddy } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { startNginx } from "../support/nginx.ts";
import { ROOT } from "../support/root.ts";

const ROUNDS = 10;
const CLIENTS = 4;
export const PORTS = [8000, 8001, 8002];

const TOUR = readFileSync(join(ROOT, "docs/tour.md"), "utf8");
/** What docs/tour.md tells to type, and its site for nginx. */
export const [, ARGUMENTS = "", SITE = ""] =
  /do npx eddy (.*) & done\n```\n\n```nginx\n(.*?)```/s.exec(TOUR) ?? [];

const APP = `
  import { appendFileSync } from "node:fs";
  import { setTimeout } from "node:timers/promises";
  import { Loop } from "eddy";

  const loop = new Loop();
  const answer = async () => {
    await setTimeout(3); // so that requests are under way when it ends
    return process.env.SERVER!;
  };
  loop.get("/*", answer);
  loop.post("/*", async (request) => {
    appendFileSync(process.env.POSTS!, (await request.text()) + "\\n");
    return await answer();
  });
  export default loop;`;

/** nginx and its three servers. */
export class Site {
  readonly #folder = folderWith({ "app.ts": APP });
  readonly #args: string;
  readonly #ports: number[] = [];
  readonly #servers: Eddy[] = [];
  readonly #load = new AbortController();
  #clients: Promise<void>[] = [];
  /** How often each server has answered. */
  readonly #answers = new Map<string, number>();
  port = 0;
  /** What became of the GETs that got no 200. */
  readonly failed: unknown[] = [];

  constructor(args: string) {
    this.#args = args;
  }

  async start(site: string): Promise<this> {
    for (const _ of PORTS) this.#ports.push(await freePort());
    await Promise.all(PORTS.map((_, index) => this.startServer(index)));
    this.port = await startNginx((free) =>
      PORTS.reduce(
        (text, port, index) =>
          text.replace(
            `127.0.0.1:${port};`,
            `127.0.0.1:${this.#ports[index]};`,
          ),
        site.replace("listen 80;", `listen 127.0.0.1:${free};`),
      ),
    );
    return this;
  }

  async startServer(index: number): Promise<void> {
    const args = this.#args.replace("$port", `${this.#ports[index]}`);
    const env = { SERVER: `${index}`, POSTS: join(this.#folder, "posts") };
    this.#servers[index] = new Eddy(this.#folder, args.split(" "), env);
    await this.#servers[index].url();
  }

  get first(): Eddy {
    return this.#servers[0]!;
  }

  /** The bodies of all POSTs that the servers have had. */
  get posts(): string[] {
    const file = join(this.#folder, "posts");
    return existsSync(file) ? readFileSync(file, "utf8").match(/.+/g)! : [];
  }

  ask(method: string, body = ""): Promise<[status: unknown, body: string]> {
    return ask(this.port, method, body);
  }

  /** From now on clients ask, one by POST. */
  load(): void {
    let sent = 0;
    this.#clients = Array.from({ length: CLIENTS }, async (_, index) => {
      while (!this.#load.signal.aborted) {
        const method = index === 0 ? "POST" : "GET";
        const [status, body] = await this.ask(method, `${++sent}`);
        if (status === 200)
          this.#answers.set(body, (this.#answers.get(body) ?? 0) + 1);
        else if (method === "GET") this.failed.push(status, body);
        await setTimeout(5);
      }
    });
  }

  /** nginx leaves a server that was not there alone, for ten seconds. */
  async firstServes(): Promise<void> {
    const before = this.#answers.get("0") ?? 0;
    while ((this.#answers.get("0") ?? 0) < before + 5) await setTimeout(10);
  }

  async unload(): Promise<void> {
    this.#load.abort();
    await Promise.all(this.#clients);
  }
}

/** On a connection of its own. In place of a status, why there is none. */
async function ask(
  port: number,
  method: string,
  body: string,
): Promise<[status: unknown, body: string]> {
  const options = { port, host: "127.0.0.1", method, agent: false };
  try {
    const [response] = await once(request(options).end(body), "response");
    return [response.statusCode, await text(response)];
  } catch (error) {
    return [error, ""];
  }
}

/** What befalls the first of the servers, in each round. */
const EVENTS: Record<string, (site: Site, round: number) => Promise<unknown>> =
  {
    async killed(site) {
      const workers = await site.first.workers();
      site.first.kill("SIGKILL");
      for (const worker of workers) process.kill(worker, "SIGKILL");
      await site.first.ended;
      await site.startServer(0);
    },
    async drained(site) {
      site.first.kill("SIGTERM");
      expect(await site.first.ended).to.equal(0);
      await site.startServer(0);
    },
    async reloaded(site, round) {
      site.first.kill("SIGHUP");
      await site.first.logged(/^reloaded 1 worker$/, round);
    },
  };

export function itLosesNothing(args: string, site: string): void {
  it(`loses no GET and sends no POST twice while one of three is ${Object.keys(EVENTS).join(", ")}, ${ROUNDS} times each`, async function () {
    this.timeout(600_000);
    /** A site for each, at the same time: most of it is nginx's waiting. */
    await Promise.all(
      Object.entries(EVENTS).map(async ([event, happen]) => {
        const servers = await new Site(args).start(site);
        servers.load();
        for (let round = 1; round <= ROUNDS; round++) {
          await servers.firstServes();
          await happen(servers, round);
        }
        await servers.unload();
        expect(servers.failed, event).to.deep.equal([]);
        const { posts } = servers;
        expect(posts.length, event).to.be.greaterThan(ROUNDS);
        expect(new Set(posts), event).to.have.property("size", posts.length);
      }),
    );
  });
}
