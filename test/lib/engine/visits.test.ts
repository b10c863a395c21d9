import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { expect } from "chai";
import { connectionsByPeer } from "../../../lib/engine/peers.ts";
import { json, type LoopOptions } from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { Gate } from "../../support/gate.ts";
import { afterTest } from "../../support/hooks.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { TestServer } from "../../support/server.ts";

const ofLinux = process.platform === "linux" ? it : it.skip;

const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

onEachEngine(({ name, serveWith }) => {
  const inside = (): [Gate, Gate] => [new Gate(), new Gate()];

  /** A connection from an address of this machine. */
  function connectFrom(from: string, { port }: TestServer): Socket {
    const socket = connect({ port, host: "127.0.0.1", localAddress: from });
    afterTest(() => socket.destroy());
    return socket.on("error", () => {});
  }

  /** True: it is served. */
  async function asks(socket: Socket): Promise<boolean> {
    socket.write(REQUEST);
    const served = once(socket, "data").then(() => true);
    return Promise.race([served, once(socket, "close").then(() => false)]);
  }

  async function visits(
    server: TestServer,
    from: string,
    count: number,
  ): Promise<boolean[]> {
    const seen: boolean[] = [];
    for (let i = 0; i < count; i++)
      seen.push(await asks(connectFrom(from, server)));
    return seen;
  }

  describe("maxConnectionsPerClient", () => {
    const serveTwo = (options: Omit<LoopOptions, "log"> = {}) =>
      serveWith((loop) => loop.mount(({ remoteAddress }) => remoteAddress), {
        maxConnectionsPerClient: 2,
        ...options,
      });

    ofLinux(
      "closes what is too much of one address, and no connection of others (Linux only)",
      async () => {
        const server = await serveTwo();
        server.expectLog(/^127.0.0.7 has 2 connections .*closed/);
        const some = await visits(server, "127.0.0.7", 4);
        expect(some).to.deep.equal([true, true, false, false]);
        const others = await visits(server, "127.0.0.8", 2);
        expect(others).to.deep.equal([true, true]);
        expect(server.loop.connections).to.include({ open: 4, refused: 2 });
      },
    );

    ofLinux("counts those alone that are there (Linux only)", async () => {
      const server = await serveTwo();
      await visits(server, "127.0.0.8", 2);
      const leaving = connectFrom("127.0.0.9", server);
      expect(await asks(leaving)).to.equal(true);
      leaving.destroy();
      while (server.loop.connections.open > 2)
        await new Promise((resolve) => setImmediate(resolve));
      const again = await visits(server, "127.0.0.9", 2);
      expect(again).to.deep.equal([true, true]);
    });

    it("lets a client come as often as it likes that leaves each time", async () => {
      const server = await serveTwo();
      for (let i = 0; i < 20; i++) {
        const headers = { connection: "close" };
        expect((await fetch(server.url, { headers })).status).to.equal(200);
      }
    });

    it("does not count the connections of a trusted proxy", async () => {
      const server = await serveTwo({ trustProxy: ["loopback"] });
      const all = await visits(server, "127.0.0.1", 5);
      expect(all).to.deep.equal([true, true, true, true, true]);
    });

    it("answers 429 to what runs beside others of one client, behind a proxy too", async () => {
      const [arrived, done] = inside();
      let calls = 0;
      const server = await serveWith(
        (loop) =>
          loop.mount(async ({ remoteAddress }) => {
            if (++calls === 2) arrived.open();
            await done.opened;
            return json(remoteAddress);
          }),
        {
          maxConnectionsPerClient: 2,
          trustProxy: ["loopback"],
          healthCheck: "/healthz",
        },
      );
      server.expectLog(/^192.0.2.7 has too many requests that run/);
      const ask = (client: string, path = ""): Promise<Response> =>
        fetch(server.url + path, { headers: { "x-forwarded-for": client } });
      const first = [ask("192.0.2.7"), ask("192.0.2.7")];
      await arrived.opened;

      const refused = await ask("192.0.2.7");
      expect(refused.status).to.equal(429);
      expect(refused.headers.get("retry-after")).to.equal("1");
      expect(await refused.text()).to.match(/^you have 2 requests running/);
      expect(calls).to.equal(2);
      expect((await ask("192.0.2.7", "/healthz")).status).to.equal(200);

      const other = ask("192.0.2.8");
      done.open();
      for (const response of await Promise.all([...first, other]))
        expect(response.status).to.equal(200);
      expect((await ask("192.0.2.7")).status).to.equal(200);
      expect(server.loop.tally).to.include({ shed: 1 });
    });
  });

  describe("A connection that ends without a request that could be understood", () => {
    const UNSERVED: Record<string, string> = {
      ...(name === "uws" && {
        "HTTP/1.0": "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        "OPTIONS *": "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      }),
      "TLS on a plain port": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      "a request without a Host": "GET / HTTP/1.1\r\n\r\n",
      "nothing at all": "",
    };
    for (const [what, bytes] of Object.entries(UNSERVED))
      it(`is counted, and told with its peer: ${what}`, async () => {
        const server = await serveWith((loop) => loop.mount(() => "hello"));
        const client = await RawClient.connect(server.port);
        if (bytes === "") client.finish();
        await client.send(bytes).untilClosed();
        const line = await server.logged(({ msg }) => !!msg?.includes("ended"));
        expect(line).to.include({ connections: 1, peer: "127.0.0.1" });
        const hint = "HTTP/1.0 (nginx: proxy_http_version 1.1";
        if (name === "uws") expect(line.msg).to.include(hint);
        else expect(line.msg).not.to.include(hint);
        expect(server.loop.connections.unserved).to.equal(1);
        expect(server.loop.tally.accepted).to.equal(0);
      });

    it("is told once a minute", async () => {
      const server = await serveWith((loop) => loop.mount(() => "hello"));
      for (let i = 0; i < 3; i++) {
        const client = await RawClient.connect(server.port);
        await client.send("GET / HTTP/1.1\r\n\r\n").untilClosed();
      }
      while (server.loop.connections.unserved < 3)
        await new Promise((resolve) => setImmediate(resolve));
      const lines = server.log.filter(({ msg }) => msg?.includes("ended"));
      expect(lines).to.have.lengthOf(1);
    });

    const SERVED: Record<string, string> = {
      "a reply": REQUEST,
      "a refusal that keeps the connection":
        "GET /% HTTP/1.1\r\nHost: a\r\n\r\n",
      "a refusal that cuts it": "GET /# HTTP/1.1\r\nHost: a\r\n\r\n",
      "a body over the limit":
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n",
      "the last reply": "GET /last HTTP/1.1\r\nHost: a\r\n\r\n",
      "a reply that waits": "GET /waits HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    it("is none that had one of these", async () => {
      const server = await serveWith((loop) =>
        loop.mount(async ({ path }) => {
          if (path === "/waits")
            await new Promise((resolve) => setImmediate(resolve));
          const headers = path === "/last" ? { connection: "close" } : {};
          return { headers, body: "served" };
        }),
      );
      for (const [what, bytes] of Object.entries(SERVED)) {
        const client = await RawClient.connect(server.port);
        await client.send(bytes).until(/\r\n\r\n./);
        await client.finish().untilClosed();
        while (server.loop.connections.open > 0)
          await new Promise((resolve) => setImmediate(resolve));
        expect(server.loop.connections.unserved, what).to.equal(0);
      }
    });

    it("is none that the loop closes", async () => {
      const server = await serveWith((loop) => loop.mount(() => "hello"));
      const client = await RawClient.connect(server.port);
      while (server.loop.connections.open === 0)
        await new Promise((resolve) => setImmediate(resolve));
      await server.loop.close();
      await client.untilClosed();
      expect(server.loop.connections).to.include({ open: 0, unserved: 0 });
    });
  });
});

describe("connectionsByPeer", () => {
  for (const [family, host, peer] of [
    ["IPv4", "127.0.0.1", "127.0.0.1"],
    ["IPv6", "::1", "::1"],
  ] as const)
    ofLinux(
      `counts those that were accepted, of ${family} (Linux only)`,
      async () => {
        const server = createServer().listen(0, host);
        await once(server, "listening");
        const { port } = server.address() as AddressInfo;
        const accepted = once(server, "connection");
        const client = connect(port, host);
        const [socket] = (await accepted) as [Socket];
        expect([...connectionsByPeer(port)!]).to.deep.equal([[peer, 1]]);
        client.destroy();
        await once(socket.resume(), "close");
        expect(connectionsByPeer(port)!.size).to.equal(0);
        server.close();
      },
    );
});
