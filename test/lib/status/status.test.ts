/** The status of a program, in the program. */
import { expect } from "chai";
import { Loop, upgrade, UsageError } from "../../../lib/index.ts";
import { suspend } from "../../../lib/operations.ts";
import { status, type StatusOptions } from "../../../lib/status/status.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, type TestServer } from "../../support/server.ts";
import { SocketClient } from "../../support/web-socket.ts";

const serve = (options?: StatusOptions): Promise<TestServer> =>
  serveWith((loop) => {
    loop.get("/users/:id", () => "hello");
    loop.get("/hang", function* () {
      yield* suspend();
      return "";
    });
    loop.mount("/status", status(loop, options));
  });

const ask = (
  { url }: TestServer,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<Response> =>
  fetch(url + path, { method, headers, redirect: "manual" });

interface Told {
  requests: number;
  mounts: {
    mount: string;
    requests: number;
    statuses: object;
    sockets?: object;
  }[];
  workers: { inFlight: number; openFiles?: { open: number } }[];
}

const told = async (server: TestServer): Promise<Told> =>
  (await (await ask(server, "/status")).json()) as Told;

async function hanging(server: TestServer): Promise<[RawClient, string]> {
  const client = await RawClient.connect(server.port);
  client.request("GET /hang");
  for (;;) {
    const [one] = server.loop
      .tasks({ oldest: 1 })
      .exchanges.filter(({ name }) => name === "GET /hang");
    if (one !== undefined) return [client, one.id];
    await new Promise(setImmediate);
  }
}

describe("status()", () => {
  it("tells in JSON what the mounts and routes of the loop have had", async () => {
    const server = await serve();
    await (await ask(server, "/users/5")).text();
    await (await ask(server, "/users/6")).text();
    await (await ask(server, "/nothing")).text();
    const { mounts, workers } = await told(server);
    const of = (name: string) => mounts.find(({ mount }) => mount === name);
    expect(of("/users/:id")).to.deep.include({
      requests: 2,
      statuses: { "2xx": 2 },
    });
    expect(of("(none)")).to.deep.include({ statuses: { "4xx": 1 } });
    expect(workers[0]!.inFlight).to.equal(1); // the one that asks
  });

  it("tells in JSON what the sockets of each mount and route came to", async () => {
    const server = await serveWith((loop) =>
      loop
        .websocket(
          "/chat/:room",
          upgrade(async (socket) => {
            for await (const message of socket) await socket.send(message);
          }),
        )
        .mount("/status", status(loop)),
    );
    const client = await SocketClient.open(server.port, "/chat/7");
    client.send("hello");
    await client.messages(1);
    await told(server); // which counts then
    const { mounts } = await told(server);
    const of = (name: string) => mounts.find(({ mount }) => mount === name)!;
    const counts = { open: 1, opened: 1, received: 1, receivedBytes: 5 };
    expect(of("/chat/:room").sockets).to.include({ ...counts, sentBytes: 5 });
    expect(of("/status").sockets).to.equal(undefined);
  });

  it("gives a browser the page, below the mount", async () => {
    const server = await serve();
    const accept = "text/html,*/*";
    const first = await ask(server, "/status", { accept });
    expect(first.headers.get("location")).to.equal("/status/");
    const page = await ask(server, "/status/", { accept });
    expect(page.headers.get("content-security-policy")).to.contain(
      "default-src 'none'",
    );
    expect(await page.text()).to.contain('src="page.js"');
    for (const file of ["page.js", "page.css"])
      expect((await ask(server, `/status/${file}`)).status).to.equal(200);
    expect((await ask(server, "/status/other")).status).to.equal(404);
    expect((await ask(server, "/status/", {}, "PUT")).status).to.equal(405);
  });

  it("is for this machine alone without a password: not by another name, not through a proxy", async () => {
    const server = await serve();
    const statusFor = async (field: string): Promise<string> => {
      const client = await RawClient.connect(server.port);
      client.send(`GET /status HTTP/1.1\r\n${field}\r\n\r\n`);
      return (await client.until(/^HTTP\/1.1 (\d+)/))[0];
    };
    expect(await statusFor("Host: localhost")).to.contain(" 200");
    expect(await statusFor("Host: rebound.example")).to.contain(" 403");
    expect(
      await statusFor("Host: localhost\r\nX-Forwarded-For: 1.2.3.4"),
    ).to.contain(" 403");
  });

  it("lets in who has the password", async () => {
    const server = await serve({ password: "difference" });
    const authorization = `Basic ${btoa("eddy:difference")}`;
    expect((await ask(server, "/status")).status).to.equal(401);
    const let_ = await ask(server, "/status", { authorization });
    expect(let_.status).to.equal(200);
  });

  it("halts a request for those whose orders are taken, and for no other web page", async () => {
    const orders = ({ headers }: { headers: { has(name: string): boolean } }) =>
      headers.has("x-operator");
    const server = await serve({ orders });
    const [client, id] = await hanging(server);
    const path = `/status/tasks/${id}/halt`;
    const mine = { "x-operator": "yes" };
    expect((await ask(server, path, {}, "POST")).status).to.equal(403);
    const foreign = { ...mine, origin: "http://elsewhere.example" };
    expect((await ask(server, path, foreign, "POST")).status).to.equal(403);
    expect((await ask(server, path, mine)).status).to.equal(405);
    expect(await (await ask(server, path, mine, "POST")).json()).to.deep.equal({
      id,
      halted: true,
    });
    await client.until(/HTTP\/1.1 503 /);
    expect((await ask(server, path, mine, "POST")).status).to.equal(404);
  });

  it("is read-only unless told otherwise", async () => {
    const server = await serve();
    const [client, id] = await hanging(server);
    const path = `/status/tasks/${id}/halt`;
    expect((await ask(server, path, {}, "POST")).status).to.equal(403);
    expect(server.loop.halt(id)).to.equal(true); // it still ran
    await client.until(/HTTP\/1.1 503 /);
  });

  it("refuses options that there are not, and a loop that listens", async () => {
    const loop = new Loop({ log: false });
    expect(() => status(loop, { password: "short" })).to.throw(UsageError);
    const { loop: listens } = await serve();
    expect(() => status(listens)).to.throw(UsageError);
  });
});

describe("loop.figures()", () => {
  it("is empty without measure(); with it, adds the methods of a pattern and the paths of a mount", async () => {
    const server = await serveWith((loop) =>
      loop
        .measure()
        .get("/a/:b", () => "hello")
        .post("/a/:b", () => {
          throw new Error("broken");
        })
        .mount("/shop", () => "hello"),
    );
    server.expectLog(/failed/);
    for (const path of ["/a/1", "/shop", "/shop/2"])
      await (await ask(server, path)).text();
    await (await ask(server, "/a/2", {}, "POST")).text();
    const all = server.loop.figures();
    const seen = all.map(({ mount, outcomes: { ok, error }, statuses }) => [
      mount,
      ok,
      error,
      statuses.join(""),
    ]);
    expect(seen).to.have.deep.members([
      ["/a/:b", 1, 1, "001001"],
      ["/shop", 2, 0, "002000"],
    ]);
    for (const { durations, sumMs, slowest } of all) {
      expect(durations.reduce((sum, n) => sum + n, 0)).to.equal(2);
      expect(slowest!.durationMs).to.be.within(0, sumMs);
    }
    const plain = await serveWith((loop) => loop.mount(() => "hello"));
    await (await ask(plain, "/")).text();
    expect(plain.loop.figures()).to.deep.equal([]);
  });
});
