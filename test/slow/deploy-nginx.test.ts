/** Three of the command behind a real nginx, with the site of samples/deploy. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { Eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { NGINX_MISSING, startNginx } from "../support/nginx.ts";
import { describeIf } from "../support/programs.ts";
import { RawClient } from "../support/raw-client.ts";
import { ROOT } from "../support/root.ts";

const SITE = readFileSync(join(ROOT, "samples/deploy/nginx.conf"), "utf8");

/** As the site's first lines say it. */
const [, FLAGS = ""] = /eddy app\.ts --http \S+ (.*)/.exec(SITE) ?? [];

const APP = `
  import { json, stream } from "eddy";
  import { sleep, suspend } from "effection";
  export default function* (request) {
    if (request.path.startsWith("/events/live"))
      return stream(function* (out) { yield* out.write("data: now\\n\\n"); yield* suspend(); });
    yield* sleep(5);
    const { id, remoteAddress, scheme, host, headers } = request;
    return json({ port: process.env.PORT, id, remoteAddress, scheme, host, chain: headers.get("x-forwarded-for") });
  };`;

interface Site {
  readonly port: number;
  readonly servers: readonly { port: number; command: Eddy; worker: number }[];
}

async function serveSite(): Promise<Site> {
  const path = folderWith({ "app.mjs": APP });
  const servers = await Promise.all(
    [8000, 8001, 8002].map(async () => {
      const port = await freePort();
      const args = ["app.mjs", "--http", `127.0.0.1:${port}`];
      const command = new Eddy(path, [...args, ...FLAGS.split(" ")], {
        PORT: String(port),
      });
      const [worker] = await command.workers();
      return { port, command, worker: worker! };
    }),
  );
  const port = await startNginx((free) =>
    SITE.replace("listen 80;", `listen 127.0.0.1:${free};`).replaceAll(
      /127\.0\.0\.1:800([012]);/g,
      (_, i: string) => `127.0.0.1:${servers[Number(i)]!.port};`,
    ),
  );
  return { port, servers };
}

/** Clients that ask without a pause, until `stop`. */
class Load {
  /** Answers of each server. */
  readonly answered = new Map<number, number>();
  /** What was not answered with 200. */
  readonly lost: string[] = [];
  readonly #agent = new Agent({ keepAlive: true });
  readonly #clients: Promise<void>[];
  #stopped = false;
  #wake = (): void => {};

  constructor(method: string, port: number, clients: number) {
    this.#clients = Array.from({ length: clients }, async () => {
      while (!this.#stopped) await this.#ask(method, port);
    });
  }

  /** Each of these has answered so many more. */
  async until(ports: readonly number[], more: number): Promise<void> {
    const before = new Map(this.answered);
    const since = (port: number): number =>
      (this.answered.get(port) ?? 0) - (before.get(port) ?? 0);
    while (!ports.every((port) => since(port) >= more))
      await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
  }

  async #ask(method: string, port: number): Promise<void> {
    const asked = request({ port, method, agent: this.#agent }).end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const body = await text(response);
    if (response.statusCode === 200) this.#count(JSON.parse(body).port);
    else this.lost.push(`${method} ${response.statusCode}`);
  }

  #count(port: string): void {
    this.answered.set(Number(port), (this.answered.get(Number(port)) ?? 0) + 1);
    this.#wake();
  }
}

const TITLE = "Three of the command behind the nginx of samples/deploy";

describeIf(NGINX_MISSING, TITLE, function () {
  this.timeout(PATIENCE_MS);

  it("share the load, of which nothing is lost that may be asked twice when one is killed, and nothing at all when one drains", async () => {
    const { port, servers } = await serveSite();
    const [killed, drained, last] = servers as [
      Site["servers"][0],
      Site["servers"][0],
      Site["servers"][0],
    ];
    const reads = new Load("GET", port, 8);
    const writes = new Load("POST", port, 4);
    const all = servers.map((server) => server.port);
    await Promise.all([reads.until(all, 10), writes.until(all, 5)]);

    killed.command.kill("SIGKILL");
    process.kill(killed.worker, "SIGKILL");
    const others = [drained.port, last.port];
    await Promise.all([reads.until(others, 20), writes.until(others, 20)]); // what was on its way to it is over
    expect(writes.lost.length, "at most one of each client").to.be.at.most(4);
    const lostByKill = writes.lost.length;

    drained.command.kill("SIGTERM");
    expect(await drained.command.ended).to.equal(0);
    await Promise.all([
      reads.until([last.port], 20),
      writes.until([last.port], 10),
    ]);
    await Promise.all([reads.stop(), writes.stop()]);
    expect(reads.lost).to.deep.equal([]);
    expect(writes.lost.slice(lostByKill)).to.deep.equal([]);
  });

  it("hear who asks, how, and by which id; and compressed is what may be", async () => {
    const { port } = await serveSite();
    const spoofed = {
      "x-forwarded-for": "192.0.2.1",
      "x-forwarded-host": "evil.example",
      "x-request-id": "theirs",
    };
    for (const path of ["/", "/events"]) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: spoofed,
      });
      const seen = await response.json();
      expect(seen).to.include({
        scheme: "http",
        host: `127.0.0.1:${port}`,
        chain: "192.0.2.1, 127.0.0.1",
      });
      expect(seen.id).to.match(/^[0-9a-f]{32}$/);
      expect(response.headers.get("content-encoding")).to.equal(
        path === "/" ? "gzip" : null,
      );
    }
  });

  it("send events as they come", async () => {
    const { port } = await serveSite();
    const client = await RawClient.connect(port);
    client.request("GET /events/live");
    await client.until(/data: now/);
    client.abort();
  });
});
