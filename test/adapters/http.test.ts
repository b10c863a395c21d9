import { once } from "node:events";
import {
  Agent,
  createServer,
  request,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { readFileSync } from "node:fs";
import { X509Certificate } from "node:crypto";
import { createServer as createSecureServer } from "node:https";
import type { TLSSocket } from "node:tls";
import { expect } from "chai";
import { http, type HttpOptions } from "../../adapters/http.ts";
import {
  UsageError,
  type ApplicationStatus,
  type LoopOptions,
} from "../../lib/index.ts";
import { CERTIFICATE } from "../support/certificate.ts";
import { onEachEngine } from "../support/engines.ts";
import { folderWith } from "../support/folder.ts";
import { afterTest } from "../support/hooks.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, type TestServer } from "../support/server.ts";

type Answer = (req: IncomingMessage, res: ServerResponse) => unknown;

/** A server of Node's. */
async function upstream(
  answer: Answer,
  path?: string,
): Promise<{ url: string; connections(): number }> {
  let connections = 0;
  const server = createServer((req, res) => void answer(req, res));
  server.on("connection", () => connections++);
  server.listen(path ?? { port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  afterTest(() => {
    server.close();
    server.closeAllConnections();
  });
  const port = path === undefined && (server.address() as AddressInfo).port;
  return {
    url: path === undefined ? `http://127.0.0.1:${port}` : `unix:${path}`,
    connections: () => connections,
  };
}

function serve(
  targets: string | string[],
  options?: HttpOptions,
  loopOptions?: LoopOptions,
): Promise<TestServer> {
  return serveWith((loop) => loop.mount("/app", http(targets, options)), {
    accessLog: true,
    maxBodyBytes: 1e8,
    ...loopOptions,
  });
}

const says: Answer = ({ method, url, rawHeaders }, res) =>
  res.end(JSON.stringify({ method, url, rawHeaders }));

const echoes: Answer = (req, res) => {
  res.writeHead(200, { "x-length": req.headers["content-length"] ?? "none" });
  req.pipe(res);
};

describe("http()", () => {
  it("hands the request on, without the fields of its connection, and says who asks", async () => {
    const { url } = await upstream(says);
    const client = await RawClient.connect((await serve(url)).port);
    client.request("GET /app/a%2Fb?c=%20", [
      "X-One: 1",
      "x-one: 2",
      "Connection: x-hop",
      "X-Hop: 1",
      "TE: trailers",
      "Proxy-Authorization: Basic eDp5",
      "X-Forwarded-For: 192.0.2.1",
      "X-Forwarded-Host: evil.example",
      "Forwarded: for=192.0.2.1",
      "X-Forwarded-Port: 1",
      "X-Forwarded-Server: evil.example",
      "X-Forwarded-Prefix: /evil",
      "X-Forwarded: for=192.0.2.1",
      "X-Real-IP: 192.0.2.1",
      "X-Scheme: https",
      "X_Forwarded_For: 192.0.2.1",
      "X_Real_IP: 192.0.2.1",
    ]);
    const [json] = await client.until(/\{.*\}/);
    expect(JSON.parse(json)).to.deep.equal({
      method: "GET",
      url: "/app/a%2Fb?c=%20",
      rawHeaders: [
        "host",
        "test",
        "x-one",
        "1",
        "x-one",
        "2",
        "x-forwarded-proto",
        "http",
        "x-forwarded-for",
        "127.0.0.1",
        "x-forwarded-host",
        "test",
        "via",
        "1.1 eddy",
        "Connection",
        "keep-alive",
      ],
    });
  });

  it("hands trailers on both ways, but for those that cannot stand there, and the links of early hints", async () => {
    const { url } = await upstream(async (req, res) => {
      res.writeEarlyHints({ link: "</a.css>; rel=preload", "x-x": "1" });
      const body = await text(req);
      res.write(`${body} ${req.trailers["x-sum"]} ${req.trailers["date"]}`);
      res.addTrailers({ "X-Sum": "2", Age: "1", "X-Latin": "\xe9" });
      res.end();
    });
    const server = await serveWith(
      (loop) => loop.mount("/", http(url)),
      {},
      { engine: "node" },
    );
    const client = await RawClient.connect(server.port);
    client.request(
      "PUT /",
      ["Transfer-Encoding: chunked"],
      "3\r\nabc\r\n0\r\nX-Sum: 1\r\nDate: x\r\n\r\n",
    );
    await client.until(
      /\r\nabc 1 undefined\r\n0\r\nX-Sum: 2\r\nX-Latin: \xe9\r\n\r\n$/,
    );
    expect(client.received).to.match(
      /^HTTP\/1.1 103 Early Hints\r\nlink: <\/a.css>; rel=preload\r\n\r\nHTTP\/1.1 200 OK\r\n/i,
    );
  });

  it("hands the reply on, without the fields of its connection", async () => {
    const { url } = await upstream((_, res) => {
      res.writeHead(418, "Short and stout", [
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
        ["Connection", "x-hop"],
        ["X-Hop", "1"],
        ["Proxy-Authenticate", "Basic"],
        ["X-One", "caf\xe9"],
      ] as never);
      res.end("pot");
    });
    const client = await RawClient.connect((await serve(url)).port);
    client.request("GET /app");
    const [head] = await client.until(/^[^]*pot/);
    expect(head).to.match(/^HTTP\/1.1 418 Short and stout\r\n/);
    expect(head).to.match(
      /Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-One: caf\xe9\r\n/,
    );
    expect(head).to.not.match(/x-hop|proxy-authenticate/i);
  });

  it("hands on the date of the reply, where the engine lets it", async () => {
    const date = "Sun, 06 Nov 1994 08:49:37 GMT";
    const { url } = await upstream((_, res) => {
      res.writeHead(200, { date }).end("old");
    });
    const server = await serve(url, {}, { engine: "node" });
    const reply = await fetch(`${server.url}/app`);
    expect(reply.headers.get("date")).to.equal(date);
  });

  it("keeps connections, and closes them with the loop", async () => {
    const { url, connections } = await upstream((_, res) => res.end("ok"));
    const server = await serve(url);
    for (let i = 0; i < 5; i++) await (await fetch(`${server.url}/app`)).text();
    expect(connections()).to.equal(1);
  });

  it("streams bodies both ways, with a length and in chunks", async () => {
    const { url } = await upstream(echoes);
    const server = await serve(url);
    const body = Buffer.alloc(20_000_000, "0123456789abcde");
    const response = await fetch(`${server.url}/app`, { method: "POST", body });
    expect(response.headers.get("x-length")).to.equal("20000000");
    expect(body.equals(Buffer.from(await response.arrayBuffer()))).to.equal(
      true,
    );
    const chunked = request(`${server.url}/app`, {
      method: "POST",
      agent: new Agent(),
    });
    chunked.write("abc");
    chunked.end("def");
    const [reply] = (await once(chunked, "response")) as [IncomingMessage];
    expect(reply.headers["x-length"]).to.equal("none");
    expect(await text(reply)).to.equal("abcdef");
  });

  it("goes to a Unix socket, by another host", async () => {
    const path = join(folderWith({}), "up.sock");
    const { url } = await upstream(
      ({ headers }, res) => res.end(headers.host),
      path,
    );
    const server = await serve(url, { host: "inner.example" });
    expect(await (await fetch(`${server.url}/app`)).text()).to.equal(
      "inner.example",
    );
  });

  for (const method of ["HEAD", "POST", "DELETE"])
    it(`hands on ${method} without a body, and keeps the connection`, async () => {
      const { url, connections } = await upstream((req, res) =>
        res
          .writeHead(200, { "x-method": req.method!, "content-length": 4 })
          .end("body"),
      );
      const server = await serve(url);
      for (let i = 0; i < 2; i++) {
        const response = await fetch(`${server.url}/app`, { method });
        expect(response.headers.get("x-method")).to.equal(method);
        await response.text();
      }
      expect(connections()).to.equal(1);
    });

  it("tries a GET again when its kept connection turns out to be closed", async () => {
    let seen = 0;
    const { url, connections } = await upstream((req, res) => {
      if (++seen === 2) req.socket.destroy();
      else res.end("ok");
    });
    const server = await serve(url);
    for (let i = 0; i < 2; i++)
      expect(await (await fetch(`${server.url}/app`)).text()).to.equal("ok");
    expect([seen, connections()]).to.deep.equal([3, 2]);
  });

  it("does not try a POST again", async () => {
    let seen = 0;
    const { url } = await upstream((req, res) => {
      if (++seen === 2) req.socket.destroy();
      else res.end("ok");
    });
    const server = await serve(url);
    server.expectLog(/gave no reply/, /left out/);
    await (await fetch(`${server.url}/app`)).text();
    const post = await fetch(`${server.url}/app`, { method: "POST" });
    expect([post.status, seen]).to.deep.equal([502, 2]);
  });

  it("answers 502 when nobody is there, and 504 when nobody speaks", async () => {
    const { url } = await upstream(() => {});
    const nowhere = await serve("unix:/nowhere/eddy.sock");
    nowhere.expectLog(/cannot be reached/, /left out/);
    expect((await fetch(`${nowhere.url}/app`)).status).to.equal(502);
    const silent = await serve(url, { timeoutMs: 50 });
    silent.expectLog(/was silent/, /left out/);
    expect((await fetch(`${silent.url}/app`)).status).to.equal(504);
  });

  it("hands on the reply of an upstream that closes the connection over the rest of the body", async () => {
    const { url } = await upstream(({ socket }) => {
      socket.write(
        "HTTP/1.1 413 Too Large\r\ncontent-length: 8\r\n\r\ntoo much",
        () => socket.resetAndDestroy(),
      );
    });
    const server = await serve(url);
    for (const bytes of [300_000, 20_000_000]) {
      const client = await RawClient.connect(server.port);
      client.request("POST /app", [`content-length: ${bytes}`]);
      client.send("x".repeat(bytes));
      expect((await client.until(/^HTTP\/1.1 (\d+)[^]*too much/))[1]).to.equal(
        "413",
      );
      client.abort();
    }
  });

  it("hands on a reason phrase only where it is ASCII", async () => {
    const { url } = await upstream((_, res) =>
      res.socket!.end(
        Buffer.from("HTTP/1.1 404 Pas trouv\xe9\r\n\r\n", "latin1"),
      ),
    );
    const { statusText } = await fetch(`${(await serve(url)).url}/app`);
    expect(statusText).to.equal("Not Found");
  });

  for (const status of ["099", "999"])
    it(`answers 502 to a status that is not valid: ${status}`, async () => {
      const { url } = await upstream((_, res) =>
        res.socket!.end(`HTTP/1.1 ${status} No\r\n\r\n`),
      );
      const server = await serve(url);
      const why = `gave no reply: ${status} is not the status of a reply`;
      server.expectLog(new RegExp(why), /left out/);
      expect((await fetch(`${server.url}/app`)).status).to.equal(502);
    });

  it("speaks TLS, and to nobody whose certificate it does not trust", async () => {
    const [cert, key] = [CERTIFICATE.cert, CERTIFICATE.key].map((file) =>
      readFileSync(file, "utf8"),
    );
    const names: unknown[] = [];
    const server = createSecureServer({ cert, key }, (req, res) => {
      names.push((req.socket as TLSSocket).servername);
      res.end("by TLS");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    afterTest(() => server.close().closeAllConnections());
    const { port } = server.address() as AddressInfo;
    const url = `https://127.0.0.1:${port}`;
    const { subjectAltName, subject } = new X509Certificate(cert!);
    const servername =
      /DNS:([^,]+)/.exec(subjectAltName ?? "")?.[1] ??
      /CN=(.*)/.exec(subject)![1]!;
    const trusting = await serve(url, { tls: { ca: cert!, servername } });
    for (let i = 0; i < 2; i++) {
      const response = await fetch(`${trusting.url}/app`);
      expect(await response.text()).to.equal("by TLS");
    }
    expect(names).to.deep.equal([servername, servername]);
    const other = await serve(url);
    other.expectLog(/cannot be reached/, /left out/);
    expect((await fetch(`${other.url}/app`)).status).to.equal(502);
  });

  for (const [balance, field] of [
    ["header:x-user", "x-user: "],
    ["cookie:user", "cookie: a=1; user="],
  ] as const)
    it(`goes to the same server by ${balance}, and to others where that is gone`, async () => {
      const servers = await Promise.all(
        ["a", "b", "c"].map((name) => upstream((_, res) => res.end(name))),
      );
      const urls = servers.map(({ url }) => url);
      const all = await serve(urls, { balance });
      const ask = async (server: TestServer, user: number): Promise<string> => {
        const client = await RawClient.connect(server.port);
        client.request("GET /app", [`${field}${user}`, "Connection: close"]);
        return (await client.untilClosed()).at(-1)!;
      };
      const users = Array.from({ length: 30 }, (_, i) => i);
      const first = await Promise.all(users.map((one) => ask(all, one)));
      const again = await Promise.all(users.map((one) => ask(all, one)));
      expect(again).to.deep.equal(first);
      expect(new Set(first)).to.have.length(3);
      const fewer = await serve(urls.slice(0, 2), { balance });
      for (const user of users) {
        const found = await ask(fewer, user);
        if (first[user] !== "c") expect(found).to.equal(first[user]);
        else expect(["a", "b"]).to.include(found);
      }
    });

  it("asks for the health of its servers, and leaves out who is not well, whatever it answers", async () => {
    let status = 503;
    const asked: IncomingMessage[] = [];
    const ill = await upstream((req, res) => {
      if (req.url !== "/healthz?deep=1") return res.end("ill");
      asked.push(req);
      return res.writeHead(status).end("a body that nobody wants");
    });
    const well = await upstream((_, res) => res.end("well"));
    const server = await serve([ill.url, well.url], {
      healthCheck: "/healthz?deep=1",
      healthIntervalMs: 5,
    });
    server.expectLog(/is left out until it is well/);
    const ask = async (): Promise<string> =>
      (await fetch(`${server.url}/app`)).text();

    await server.logged(({ msg }) => msg === leftOut(ill.url, 503));
    for (let i = 0; i < 4; i++) expect(await ask()).to.equal("well");
    const [application] = server.loop.applications();
    expect(application!.parts[0]).to.deep.include({
      state: "out",
      why: "GET /healthz?deep=1 is answered 503",
    });
    expect(asked[0]!.method).to.equal("GET");
    expect(asked[0]!.headers.host).to.equal(new URL(ill.url).host);

    status = 302;
    await server.logged(
      ({ msg }) => msg === `upstream ${ill.url} is well again`,
    );
    expect([await ask(), await ask()]).to.have.members(["ill", "well"]);
    await server.loop.stop();
    expect(server.loop.tasks().resources).to.deep.equal([]);
  });

  const leftOut = (url: string, status: number): string =>
    `upstream ${url} is left out until it is well: GET /healthz?deep=1 is answered ${status}`;

  it("leaves out who does not answer for its health, or is not there, and says why", async () => {
    const silent = await upstream((req, res) => {
      if (req.url !== "/healthz") res.end("silent");
    });
    for (const [url, connectTimeoutMs, why] of [
      [silent.url, 50, /: GET \/healthz is not answered within 50 ms$/],
      ["unix:/nowhere/eddy.sock", 5000, /: Error: connect ENOENT/],
    ] as const) {
      const options = { healthCheck: "/healthz", connectTimeoutMs };
      const server = await serve(url, options);
      server.expectLog(/is left out until it is well/);
      await server.logged(({ msg = "" }) => msg.includes(url) && why.test(msg));
    }
  });

  onEachEngine(({ name, serveWith }) => {
    for (const method of ["CONNECT", "connect", "get", "Head"])
      it(`gets no ${method}, and goes on after three of them`, async () => {
        const { url, connections } = await upstream(says);
        const server = await serveWith((loop) => loop.mount("/app", http(url)));
        for (let i = 0; i < 3; i++) {
          const client = await RawClient.connect(server.port);
          client.request(`${method} /app`, ["Connection: close"]);
          const received = await client.untilClosed();
          expect(received).to.match(
            name === "uws" ? /^HTTP\/1.1 400 / : /^HTTP\/1.1 (?:400|501) /,
          );
        }
        expect(connections()).to.equal(0);
        expect((await fetch(`${server.url}/app`)).status).to.equal(200);
      });
  });

  it("hands on the length of a body, and the host, whatever `Connection` says of them", async () => {
    const { url } = await upstream(async (req, res) => {
      const { host, "content-length": length } = req.headers;
      res.end(JSON.stringify([req.method, host, length, await text(req)]));
    });
    const { port } = await serve(url);
    for (const method of ["GET", "POST"]) {
      const client = await RawClient.connect(port);
      client.request(
        `${method} /app`,
        ["Connection: host, content-length, close", "Content-Length: 4"],
        "body",
      );
      const [, body] = /\r\n\r\n(.*)$/.exec(await client.untilClosed())!;
      expect(JSON.parse(body!)).to.deep.equal([method, "test", "4", "body"]);
    }
  });

  it("is not told that it is down when the body was read before", async () => {
    const { url } = await upstream(echoes);
    const server = await serveWith((loop) =>
      loop
        .use(async (request, next) => {
          await request.text();
          return await next();
        })
        .mount("/", http(url)),
    );
    server.expectLog(/the request body was read already/);
    const post = { method: "POST", body: "a" };
    expect((await fetch(server.url, post)).status).to.equal(500);
    const [{ parts }] = server.loop.applications() as [ApplicationStatus];
    expect(parts.map(({ state }) => state)).to.deep.equal(["up"]);
  });

  for (const [method, length] of [
    ["GET", "none"],
    ["DELETE", "none"],
    ["OPTIONS", "none"],
    ["POST", "0"],
    ["PROPFIND", "0"],
  ] as const)
    it(`says the length of no body only where one is usual: ${method}`, async () => {
      const { url } = await upstream(({ headers }, res) =>
        res.end(
          headers["content-length"] ?? headers["transfer-encoding"] ?? "none",
        ),
      );
      const server = await serve(url);
      const client = await RawClient.connect(server.port);
      client.request(`${method} /app`, ["Connection: close"]);
      expect(await client.untilClosed()).to.match(new RegExp(`${length}$`));
    });

  it("cuts the connection when the upstream breaks off", async () => {
    const { url } = await upstream((_, res) => {
      res.write("begun", () => res.socket!.destroy());
    });
    const server = await serve(url);
    server.expectLog(/broke off/);
    const client = await RawClient.connect(server.port);
    client.request("GET /app");
    expect(await client.untilClosed()).to.not.match(/\r\n0\r\n\r\n$/);
  });

  it("closes the connection when the client leaves", async () => {
    let left: Promise<unknown> | undefined;
    const { url } = await upstream((_, res) => {
      left = once(res, "close");
      res.write("first");
    });
    const server = await serve(url);
    const client = await RawClient.connect(server.port);
    client.request("GET /app");
    await client.until(/first/);
    client.abort();
    await left;
    const line = await server.logged(({ msg }) => msg === "request");
    expect(line.outcome).to.equal("abort");
  });

  it("says what the client did wrong when its body is too long", async () => {
    const { url } = await upstream(echoes);
    const server = await serve(url, {}, { maxBodyBytes: 10 });
    const client = await RawClient.connect(server.port);
    client.request("POST /app", ["transfer-encoding: chunked"]);
    client.send("b\r\nhello world\r\n");
    await client.until(/^HTTP/);
    client.send("0\r\n\r\n");
    expect(await client.untilClosed()).to.match(/^HTTP\/1.1 413 /);
    expect((await fetch(`${server.url}/app`)).status).to.equal(200); // and the upstream is not to blame
  });

  for (const [what, make] of Object.entries({
    "a target without a scheme": () => http("localhost:80"),
    "a path": () => http("http://localhost:80/a"),
    "another scheme": () => http("ftp://localhost:80"),
    "a balance that is none": () => http("http://a:1", { balance: "ip" }),
    "a health check that is no path": () =>
      http("http://a:1", { healthCheck: "healthz" }),
    "a bad host": () => http("http://a:1", { host: "a/b" }),
    "an unknown option": () => http("http://a:1", { agent: 1 } as never),
  }))
    it(`refuses ${what}`, () => {
      expect(make).to.throw(UsageError);
    });
});
