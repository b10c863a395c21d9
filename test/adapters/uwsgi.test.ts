import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "chai";
import { afterEach } from "mocha";
import { uwsgi, type UwsgiOptions } from "../../adapters/uwsgi.ts";
import { UsageError } from "../../lib/index.ts";
import { PacketReader, type UwsgiPacket } from "../../lib/uwsgi/packet.ts";
import { folderWith } from "../support/folder.ts";
import { describeIf, outputOf, UWSGI_MISSING } from "../support/programs.ts";
import { RawClient } from "../support/raw-client.ts";
import { ROOT } from "../support/root.ts";
import { startServer } from "../support/server-process.ts";
import { serveWith, type TestServer } from "../support/server.ts";

const APP = join(ROOT, "test/adapters/uwsgi/app.py");
const GUNICORN = process.env["GUNICORN"] ?? "gunicorn";

/** How to start each server that there is, at a Unix socket. */
const SERVERS: Record<
  string,
  {
    missing: string | undefined;
    inCi: boolean;
    start: (path: string) => Promise<unknown>;
  }
> = {
  uWSGI: {
    missing: UWSGI_MISSING,
    inCi: true,
    start: (path) =>
      startServer(path, "uwsgi", [
        ..."--plugin python3 --master --processes 2".split(" "),
        ..."--buffer-size 65535 --wsgi-file".split(" "),
        APP,
        "--socket",
        path,
      ]),
  },
  Gunicorn: {
    missing: outputOf(GUNICORN, "--help")?.includes("--protocol")
      ? undefined
      : "no gunicorn that speaks uwsgi (24 or newer, not yet Debian's); the variable GUNICORN can name one",
    inCi: false,
    start: (path) =>
      startServer(
        path,
        GUNICORN,
        [
          "--protocol",
          "uwsgi",
          "--workers",
          "2",
          "--bind",
          `unix:${path}`,
          "app:application",
        ],
        { cwd: join(ROOT, "test/adapters/uwsgi") },
      ),
  },
};

for (const [name, { missing, inCi, start }] of Object.entries(SERVERS))
  describeIf(
    missing,
    `uwsgi() in front of ${name}`,
    () => {
      let server: TestServer;

      beforeEach(async () => {
        const path = join(folderWith({}), "app.sock");
        await start(path);
        server = await serveWith((loop) =>
          loop.mount("/app", uwsgi(`unix:${path}`), { maxBodyBytes: 1e8 }),
        );
      });

      it("hands the request on as variables", async () => {
        const client = await RawClient.connect(server.port);
        client.request("GET /app/%C3%A9%2F/variables?a=%20b", [
          "X-One: 1",
          "x-one: 2",
          "X_One: 3",
          "Proxy: evil",
          "Connection: x-hop",
          "X-Hop: 1",
          "Content-Type: text/x",
        ]);
        const [text] = await client.until(/[^]*url_scheme=\w+/);
        for (const line of [
          "REQUEST_METHOD=GET",
          name === "uWSGI" ? "SCRIPT_NAME=/app" : "SCRIPT_NAME=", // Gunicorn has its own
          "QUERY_STRING=a=%20b",
          "HTTP_X_ONE=1,2",
          "HTTP_HOST=test",
          "CONTENT_TYPE=text/x",
          "SERVER_NAME=test",
          "SERVER_PORT=80",
          "SERVER_PROTOCOL=HTTP/1.1",
          "url_scheme=http",
        ])
          expect(text).to.include(`\n${line}`);
        if (name === "uWSGI")
          expect(text).to.match(/PATH_INFO=\/\xc3\xa9\/\/variables/);
        expect(text).to.not.match(/HTTP_PROXY|HTTP_X_HOP|HTTP_CONNECTION/);
      });

      it("streams a body of 20 MB there and back", async () => {
        const body = Buffer.from(
          Uint8Array.from({ length: 20_000_000 }, (_, i) => (i * 7919) >> 5),
        );
        const response = await fetch(`${server.url}/app/echo`, {
          method: "POST",
          body,
        });
        expect(body.equals(Buffer.from(await response.arrayBuffer()))).to.equal(
          true,
        );
        expect(response.headers.getSetCookie()).to.deep.equal(["a=1", "b=2"]);
      });

      it("gives a chunked body its length", async () => {
        const client = await RawClient.connect(server.port);
        client.request("POST /app/echo", ["transfer-encoding: chunked"]);
        client.send("3\r\nabc\r\n").send("4\r\ndefg\r\n0\r\n\r\n");
        await client.until(/^HTTP\/1.1 200 OK[^]*\r\n\r\nabcdefg$/);
      });

      it("streams a reply without a length, to a slow client too", async () => {
        const client = await RawClient.connect(server.port);
        client.socket.pause();
        client.request("GET /app/stream?200", ["connection: close"]);
        await server.logged(({ msg }) => msg?.startsWith("listening") === true);
        client.socket.resume();
        const text = await client.untilClosed();
        expect(text.length).to.be.greaterThan(200 * 65536);
        expect(text.endsWith("\r\n0\r\n\r\n")).to.equal(true);
      });

      for (const status of [204, 304, 404])
        it(`hands on the status ${status}`, async () => {
          const response = await fetch(`${server.url}/app/status?${status}`);
          expect(response.status).to.equal(status);
          expect(await response.text()).to.equal("");
        });

      it("hands on HEAD", async () => {
        const response = await fetch(`${server.url}/app/echo`, {
          method: "HEAD",
        });
        expect(response.status).to.equal(200);
      });

      it("answers 502 when the worker dies, and goes on", async () => {
        server.expectLog(/left out/, /gave no reply/);
        expect((await fetch(`${server.url}/app/die`)).status).to.equal(502);
        let status = 502; // until the server has replaced its worker
        while (status !== 404)
          ({ status } = await fetch(`${server.url}/app/status?404`));
      });

      it("cuts the connection when the worker dies in the middle of its reply", async () => {
        server.expectLog(/broke off/);
        const client = await RawClient.connect(server.port);
        client.request("GET /app/die_late");
        expect(await client.untilClosed()).to.match(/\r\n\r\nbegun$/);
      });
    },
    { inCi },
  );

describe("uwsgi()", () => {
  let open: { close(): void; sockets: Socket[] }[] = [];
  afterEach(() => {
    for (const { close, sockets } of open) {
      close();
      for (const socket of sockets) socket.destroy();
    }
    open = [];
  });

  /** A server that reads a packet and then does what the test says. */
  async function upstream(
    act: (socket: Socket, packet: UwsgiPacket) => void,
  ): Promise<{ target: string; sockets: Socket[]; close(): void }> {
    const path = join(folderWith({}), "up.sock");
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      const reader = new PacketReader();
      socket.on("error", () => {});
      socket.on("data", function first(piece: Buffer) {
        const packet = reader.push(piece);
        if (packet === undefined) return;
        socket.off("data", first);
        act(socket, packet);
      });
    }).listen(path);
    await once(server, "listening");
    const handle = {
      target: `unix:${path}`,
      sockets,
      close: () => void server.close(),
    };
    open.push(handle);
    return handle;
  }

  const serve = (
    targets: string | string[],
    options?: UwsgiOptions,
  ): Promise<TestServer> =>
    serveWith((loop) => loop.mount("/", uwsgi(targets, options)), {
      accessLog: true,
    });

  const says = (text: string) => (socket: Socket) => void socket.end(text);
  const NOWHERE = "unix:/nowhere/eddy.sock";

  for (const [what, reply] of Object.entries({
    "not valid HTTP": "Status: 200 OK\r\n\r\nhello",
    nothing: "",
    "half a head": "HTTP/1.1 200 OK\r\nContent-",
    "a head with a NUL": "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
    "two lengths":
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "length and chunks":
      "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a name with a space": "HTTP/1.1 200 OK\r\nx y: a\r\n\r\n",
  }))
    it(`answers 502 to ${what}`, async () => {
      const { target } = await upstream(says(reply));
      const server = await serve(target);
      server.expectLog(/left out/, /gave no reply/);
      const response = await fetch(server.url);
      expect(response.status).to.equal(502);
      expect(await response.text()).to.equal("something went wrong here\n");
    });

  it("answers 504 when the upstream is silent", async () => {
    const { target, sockets } = await upstream(() => {});
    const server = await serve(target, { timeoutMs: 50 });
    server.expectLog(/left out/, /was silent for 50 ms/);
    expect((await fetch(server.url)).status).to.equal(504);
    expect(
      (await server.logged(({ msg }) => msg === "request")).outcome,
    ).to.equal("timeout");
    if (!sockets[0]!.destroyed) await once(sockets[0]!.resume(), "close");
  });

  it("answers 504 when the upstream takes nothing of the body", async () => {
    const { target } = await upstream((socket) => socket.pause());
    const server = await serveWith((loop) =>
      loop.mount("/", uwsgi(target, { timeoutMs: 50 }), { maxBodyBytes: 1e8 }),
    );
    server.expectLog(/left out/, /was silent for 50 ms/);
    const body = Buffer.alloc(10_000_000);
    expect((await fetch(server.url, { method: "POST", body })).status).to.equal(
      504,
    );
  });

  it("does not take a slow client for a silent upstream", async () => {
    const { target } = await upstream((socket) => {
      socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\n\r\ndone"));
    });
    const server = await serve(target, { timeoutMs: 30 });
    const client = await RawClient.connect(server.port);
    client.request("POST /", ["content-length: 1"]);
    await new Promise((resolve) => setTimeout(resolve, 200)); // longer than the limit, in which nothing is to happen
    client.send("x");
    await client.until(/done/);
  });

  it("cuts the connection when the upstream breaks off within a body with a length", async () => {
    const { target } = await upstream(
      says("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
    );
    const server = await serve(target);
    server.expectLog(/broke off within its reply/);
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    expect(await client.untilClosed()).to.match(/\r\n\r\nhalf$/);
  });

  it("closes the upstream's connection when the client leaves before there is a head", async () => {
    const { target, sockets } = await upstream(() => {});
    const server = await serve(target);
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    while (sockets.length === 0) await new Promise(setImmediate);
    client.abort();
    await once(sockets[0]!.resume(), "close");
    expect(
      (await server.logged(({ msg }) => msg === "request")).outcome,
    ).to.equal("abort");
  });

  it("closes the upstream's connection when the client leaves while a silent body is awaited", async () => {
    const { target, sockets } = await upstream(
      (socket) => void socket.write("HTTP/1.1 200 OK\r\n\r\nfirst"),
    );
    const server = await serve(target);
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    await client.until(/first/);
    client.abort();
    await once(sockets[0]!.resume(), "close");
    expect(
      (await server.logged(({ msg }) => msg === "request")).outcome,
    ).to.equal("abort");
  });

  it("goes to another upstream when one cannot be reached, whatever the method", async () => {
    const { target } = await upstream(
      says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
    );
    const server = await serve([NOWHERE, target]);
    server.expectLog(/left out/);
    for (let i = 0; i < 3; i++) {
      const response = await fetch(server.url, { method: "POST", body: "x" });
      expect(await response.text()).to.equal("ok");
    }
    const again = server.log.filter(({ msg }) => msg === "trying again");
    expect(again).to.have.length(1); // then it is left out
  });

  it("asks for the health of its servers, and leaves out who is not well", async () => {
    let asked: readonly string[] = [];
    const ill = await upstream((socket, packet) => {
      const isCheck = packet.variables.includes("/healthz?a=1");
      if (isCheck) asked = packet.variables;
      const status = isCheck ? "500 Ill" : "200 OK";
      socket.end(`HTTP/1.1 ${status}\r\n\r\nill`);
    });
    const well = await upstream(says("HTTP/1.1 200 OK\r\n\r\nwell"));
    const server = await serve([ill.target, well.target], {
      healthCheck: "/healthz?a=1",
    });
    server.expectLog(/is left out until it is well/);
    await server.logged(({ msg = "" }) => msg.endsWith("is answered 500"));
    for (let i = 0; i < 3; i++)
      expect(await (await fetch(server.url)).text()).to.equal("well");
    const of = (name: string) => asked[asked.indexOf(name) + 1];
    expect(
      ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"].map(of),
    ).to.deep.equal(["GET", "", "/healthz", "a=1"]);
  });

  it("answers 502 when none can be reached, and tries again with the next request", async () => {
    const server = await serve([NOWHERE, NOWHERE]);
    server.expectLog(/left out/, /cannot be reached/);
    expect((await fetch(server.url)).status).to.equal(502);
    expect((await fetch(server.url)).status).to.equal(502);
  });

  it("does not repeat what an upstream has seen", async () => {
    let seen = 0;
    const { target } = await upstream((socket) => {
      seen++;
      socket.destroy();
    });
    const server = await serve([target, target]);
    server.expectLog(/left out/, /gave no reply/);
    expect((await fetch(server.url)).status).to.equal(502);
    expect(seen).to.equal(1);
  });

  it("gives the next request to the one with the fewest", async () => {
    const held: Socket[] = [];
    const one = await upstream((socket) => void held.push(socket));
    const other = await upstream(
      says("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother"),
    );
    const server = await serve([one.target, other.target]);
    const waiting = fetch(server.url);
    while (held.length === 0) await new Promise(setImmediate);
    for (let i = 0; i < 3; i++)
      expect(await (await fetch(server.url)).text()).to.equal("other");
    held[0]!.end("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none");
    expect(await (await waiting).text()).to.equal("one");
  });

  for (const [what, make] of Object.entries({
    "no address": () => uwsgi([]),
    "a URL": () => uwsgi("http://a:1"),
    "no port": () => uwsgi("localhost"),
    "a port that is not valid": () => uwsgi("localhost:70000"),
    "a relative path": () => uwsgi("unix:app.sock"),
    "an unknown option": () => uwsgi("a:1", { timeout: 1 } as UwsgiOptions),
    "a bad value": () => uwsgi("a:1", { timeoutMs: -1 }),
  }))
    it(`refuses ${what}`, () => {
      expect(make).to.throw(UsageError);
    });
});
