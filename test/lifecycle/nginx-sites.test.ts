/** The sites in samples/deploy, in a real nginx, in front of three loops each. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { suspend, type Operation } from "effection";
import {
  json,
  stream,
  type BodyWriter,
  type ListenOptions,
} from "../../lib/index.ts";
import { NGINX_MISSING, startNginx } from "../support/nginx.ts";
import { describeIf } from "../support/programs.ts";
import { RawClient } from "../support/raw-client.ts";
import { ROOT } from "../support/root.ts";
import { TestServer } from "../support/server.ts";

/** Where the loops listen, and whom they have to be told to believe. */
const SITES: Record<string, [target: ListenOptions, trustProxy: string[]]> = {
  "nginx.conf": [{ port: 0, host: "127.0.0.1" }, ["loopback"]],
  "nginx-uwsgi.conf": [{ uwsgi: "127.0.0.1:0" }, []],
};

function* event(out: BodyWriter): Operation<void> {
  yield* out.write("data: 1\n\n");
  yield* suspend();
}

for (const [name, [target, trustProxy]] of Object.entries(SITES))
  describeIf(NGINX_MISSING, `samples/deploy/${name}`, () => {
    let servers: TestServer[];
    let held: ((text: string) => void)[];
    let port: number;
    let url: string;

    beforeEach(async () => {
      servers = [];
      held = [];
      for (const index of [0, 1, 2]) servers.push(await start(index));
      port = await startNginx((free) =>
        servers
          .reduce(
            (site, { address }, i) =>
              site.replace(`127.0.0.1:800${i};`, `127.0.0.1:${address.port};`),
            readFileSync(join(ROOT, "samples/deploy", name), "utf8"),
          )
          .replace("listen 80;", `listen 127.0.0.1:${free};`)
          .replaceAll(
            "include uwsgi_params",
            "include /etc/nginx/uwsgi_params",
          ),
      );
      url = `http://127.0.0.1:${port}`;
    });

    async function start(index: number): Promise<TestServer> {
      const server = new TestServer({ trustProxy });
      server.loop
        .get("/who", () => String(index))
        .get("/seen", ({ remoteAddress, scheme, host, headers }) =>
          json([remoteAddress, scheme, host, headers.has("x-request-id")]),
        )
        .get("/text", () => "text\n".repeat(10_000))
        .get("/held", () => new Promise<string>((done) => held.push(done)))
        .post("/hash", async (request) =>
          createHash("sha256")
            .update(await request.bytes())
            .digest("hex"),
        )
        .get("/events", () =>
          stream(event, { headers: { "content-type": "text/event-stream" } }),
        );
      server.address = await server.loop.listen(target);
      return server;
    }

    it("says who asks, and for what", async () => {
      const client = await RawClient.connect(port);
      client.request("GET /seen", ["x-forwarded-host: evil.example"]);
      await client.until(/\["127.0.0.1","http","test",true\]/);
      client.abort();
    });

    it("compresses, and has a header of its own", async () => {
      const client = await RawClient.connect(port);
      client.request("GET /text", [
        "accept-encoding: gzip",
        "connection: close",
      ]);
      const reply = await client.untilClosed();
      expect(reply).to.match(/^content-encoding: gzip\r$/im);
      expect(reply).to.match(/^x-served-by: nginx\r$/im);
      expect(reply.length).to.be.lessThan(5000);
      expect(await (await fetch(`${url}/text`)).text()).to.have.length(50_000);
    });

    it("takes uploads", async () => {
      const body = Buffer.alloc(900_000, "eddy");
      const response = await fetch(`${url}/hash`, { method: "POST", body });
      const hash = createHash("sha256").update(body).digest("hex");
      expect(await response.text()).to.equal(hash);
    });

    it("gives requests to the one with the fewest", async () => {
      const waiting = [fetch(`${url}/held`), fetch(`${url}/held`)];
      while (held.length < 2) await new Promise(setImmediate);
      const busy = servers.map(({ loop }) => loop.tasks().exchanges.length);
      const free = String(busy.indexOf(0));
      for (let i = 0; i < 3; i++)
        expect(await (await fetch(`${url}/who`)).text()).to.equal(free);
      for (const done of held) done("done");
      for (const one of waiting) expect((await one).status).to.equal(200);
    });

    it("goes on when one is gone", async () => {
      await servers[0]!.loop.close();
      const answers = new Set<string>();
      for (let i = 0; i < 6; i++)
        answers.add(await (await fetch(`${url}/who`)).text());
      expect([...answers].sort()).to.deep.equal(["1", "2"]);
    });

    it("lets an event through at once, and halts its source when the client leaves", async () => {
      const client = await RawClient.connect(port);
      client.request("GET /events", ["accept-encoding: gzip"]);
      await client.until(/content-type: text\/event-stream[^]*data: 1\n\n/i);
      client.abort();
      const aborted = (): number =>
        servers.reduce((sum, { loop }) => sum + loop.tally.abort, 0);
      while (aborted() === 0) await new Promise(setImmediate);
    });
  });
