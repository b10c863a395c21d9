/** WebSockets below mounts, beside ordinary requests. */
import { expect } from "chai";
import {
  Loop,
  upgrade,
  UsageError,
  type Handler,
  type OpenApplication,
  type Socket,
} from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { refusal, SocketClient } from "../../support/web-socket.ts";

async function echo(socket: Socket): Promise<void> {
  for await (const message of socket) await socket.send(message);
}

/** A socket for what asks for one, and its path for everything else. */
const both: Handler = ({ headers, method, path }) =>
  headers.has("upgrade") ? upgrade(echo) : `${method} ${path}`;

onEachEngine((engine) => {
  const serveWith = engine.serveWith.bind(engine);

  for (const [prefix, paths] of [
    ["/", ["/", "/a", "/a/b"]],
    ["/ws", ["/ws", "/ws/", "/ws/a/b"]],
    ["/für", ["/f%C3%BCr/a"]],
  ] as const)
    it(`mount("${prefix}", app, { websocket }) upgrades there and below, and leaves other requests alone`, async () => {
      const { port, url, loop } = await serveWith((it) =>
        it.mount(prefix, both, { websocket: {} }),
      );
      for (const path of paths) {
        const client = await SocketClient.open(port, path);
        client.send(path);
        expect(await client.messages(1)).to.deep.equal([path]);
        for (const method of ["GET", "POST"]) {
          const reply = await fetch(url + path, { method });
          expect(await reply.text()).to.match(new RegExp(`^${method} `));
        }
      }
      expect(loop.socketCounts.opened).to.equal(paths.length);
    });

  it("mount() refuses what asks for a WebSocket by its origin, version and key, and asks the application for nothing", async () => {
    let asked = 0;
    const { port } = await serveWith((loop) =>
      loop.mount(
        "/",
        () => {
          asked++;
          return upgrade(echo);
        },
        { websocket: { origins: ["https://example.org"] } },
      ),
    );
    const evil = { headers: { origin: "https://evil.example" } };
    expect(await refusal(port, "/", evil)).to.equal(403);
    expect(await refusal(port, "/", { protocolVersion: 8 })).to.equal(426);
    expect(asked).to.equal(0);
    const origin = "https://example.org";
    await SocketClient.open(port, "/", { headers: { origin } });
    expect(asked).to.equal(1);
  });

  it("mount() takes the `websocket` of an OpenApplication, its own options before those, and `false`", async () => {
    const app: OpenApplication = {
      handle: both,
      websocket: { maxMessageBytes: 10, origins: "any" },
    };
    const { port, url } = await serveWith((loop) =>
      loop
        .mount("/app", app)
        .mount("/more", app, { websocket: { maxMessageBytes: 100 } })
        .mount("/none", app, { websocket: false })
        .get("/route", app)
        .post("/route", () => "posted"),
    );
    const headers = { origin: "https://evil.example" };
    const small = await SocketClient.open(port, "/app", { headers });
    small.send("a".repeat(11));
    expect((await small.closed)[0]).to.be.oneOf([1009, 1006]);
    for (const path of ["/more", "/route"]) {
      const client = await SocketClient.open(port, path, { headers });
      client.send(path);
      expect(await client.messages(1)).to.deep.equal([path]);
    }
    expect(await refusal(port, "/none")).to.equal(403);
    const posted = await fetch(`${url}/route`, { method: "POST" });
    expect(await posted.text()).to.equal("posted");
  });

  it("upgrade() tells by `unused` that no socket comes of it", async () => {
    let unused = 0;
    const server = await serveWith((loop) =>
      loop
        .mount("/full", () => upgrade(echo, { unused: () => unused++ }), {
          websocket: { maxSockets: 1 },
        })
        .mount("/nowhere", () => upgrade(echo, { unused: () => unused++ })),
    );
    server.expectLog(/upgrade\(\) is a reply of/, /too many sockets/);
    const { port } = server;
    await SocketClient.open(port, "/full");
    expect(await refusal(port, "/full")).to.equal(503);
    expect(await refusal(port, "/nowhere")).to.equal(500);
    expect(unused).to.equal(2);
  });
});

describe("Loop.mount with websocket", () => {
  it("throws a UsageError for an option that there is none of, or with a bad value", () => {
    for (const websocket of [{ nosuch: 1 }, { slow: "wait" }, true])
      expect(() =>
        new Loop({ log: false }).mount("/", both, {
          websocket: websocket as never,
        }),
      ).to.throw(UsageError, "websocket");
  });
});
