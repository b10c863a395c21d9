import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { pino } from "pino";
import { createLog } from "../../lib/log.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith } from "../support/server.ts";

describe("The access log", () => {
  it("is off by default", async () => {
    const server = await serveWith((loop) => loop.mount(async () => "x"));
    await (await fetch(server.url)).text();
    await server.end();
    expect(server.accessLines).to.deep.equal([]);
  });

  it("has the fields of the exchange", async () => {
    let id!: string;
    const server = await serveWith(
      (loop) =>
        loop.mount("/app", async (request) => {
          ({ id } = request);
          return "née";
        }),
      { accessLog: true },
    );
    await (await fetch(`${server.url}/app/x?y`, { method: "PUT" })).text();
    const line = await server.logged(({ msg }) => msg === "request");
    expect(line).to.deep.include({
      level: 30,
      method: "PUT",
      path: "/app/x",
      status: 200,
      bytes: 4,
      outcome: "ok",
      remoteAddress: "127.0.0.1",
      requestId: id,
    });
    expect(line.durationMs).to.be.a("number").that.is.greaterThan(0);
  });

  it("has the address of a client that is gone", async () => {
    const server = await serveWith(
      (loop) => loop.mount(() => new Promise(() => {})),
      { accessLog: true },
    );
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    await new Promise((resolve) => setTimeout(resolve, 10));
    client.abort();
    const line = await server.logged(({ msg }) => msg === "request");
    expect(line).to.include({
      outcome: "abort",
      remoteAddress: "127.0.0.1",
      bytes: 0,
    });
    expect(line).not.to.have.property("status");
  });

  it("has the address of each client, whoever else is connected", async function () {
    if (process.platform !== "linux") return this.skip(); // elsewhere 127.0.0.1 is alone
    const server = await serveWith((loop) => loop.mount(() => "x"), {
      accessLog: true,
    });
    const clients = new Map<string, Socket>();
    const ask = async (address: string): Promise<void> => {
      if (!clients.has(address))
        clients.set(
          address,
          connect({ port: server.port, localAddress: address }),
        );
      const client = clients.get(address)!;
      client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await once(client, "data");
    };
    const leave = async (address: string): Promise<void> => {
      clients.get(address)!.end();
      await once(clients.get(address)!, "close");
      clients.delete(address);
    };
    await ask("127.0.0.2");
    await ask("127.0.0.3");
    await ask("127.0.0.2");
    await leave("127.0.0.2");
    await ask("127.0.0.3");
    await leave("127.0.0.3");
    await ask("127.0.0.4");
    await leave("127.0.0.4");
    expect(
      server.accessLines.map(({ remoteAddress }) =>
        String(remoteAddress).at(-1),
      ),
    ).to.deep.equal(["2", "3", "2", "3", "4"]);
  });

  it("knows Apache's combined format", async () => {
    const server = await serveWith((loop) => loop.mount(() => "hello"), {
      accessLog: "combined",
    });
    await fetch(`${server.url}/a?b=c`, {
      headers: { "user-agent": "test/1", referer: "http://here/" },
    });
    const { msg } = await server.logged(
      (line) => line.msg?.startsWith("127.0.0.1") ?? false,
    );
    expect(msg).to.match(
      /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a\?b=c HTTP\/1\.1" 200 5 "http:\/\/here\/" "test\/1"$/,
    );
  });

  it("lets no client end a field of the combined format", async () => {
    const server = await serveWith((loop) => loop.mount(() => ""), {
      accessLog: "combined",
    });
    const client = await RawClient.connect(server.port);
    client.request("GET /", ['User-Agent: a" 200 0 "b\\\t']);
    const { msg } = await server.logged(
      (line) => line.msg?.startsWith("127.0.0.1") ?? false,
    );
    expect(msg).to.match(
      /"GET \/ HTTP\/1\.1" 200 - "-" "a\\" 200 0 \\"b\\\\(\\x09)?"$/,
    );
    client.abort();
  });
});

describe("The log", () => {
  it("is silent when it is false, and the given one otherwise", () => {
    const own = pino({ level: "silent" });
    expect(createLog(own)).to.equal(own);
    expect(createLog(false).level).to.equal("silent");
  });

  it("goes to standard output by default, as JSON", async () => {
    const index = new URL("../../lib/index.js", import.meta.url);
    const program = `
      import { Loop } from ${JSON.stringify(index)};
      const loop = new Loop().mount(() => "");
      await loop.listen({ port: 0, host: "127.0.0.1" });
      await loop.close();
    `;
    const child = spawn(process.execPath, [
      "--input-type=module",
      "-e",
      program,
    ]);
    const lines = (await text(child.stdout)).trim().split("\n");
    expect(
      lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    ).to.deep.equal([
      `listening on ${(JSON.parse(lines[0]!) as { address: { url: string } }).address.url}`,
      "stopped",
    ]);
  });
});
