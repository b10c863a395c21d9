/** TLS of listeners: certificates, how they are chosen and replaced, ciphers, and certificates of clients. */
import { createPrivateKey } from "node:crypto";
import { once } from "node:events";
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { expect } from "chai";
import type { GatewayRequest, Loop, TlsOptions } from "../../../lib/index.ts";
import { CERTIFICATE } from "../../support/certificate.ts";
import {
  makeCertificate,
  OPENSSL_MISSING,
} from "../../support/certificates.ts";
import { onEachEngine } from "../../support/engines.ts";
import { describeIf } from "../../support/programs.ts";
import { TestServer, type LogLine } from "../../support/server.ts";

const LOCAL = { port: 0, host: "127.0.0.1" };

type Files = ReturnType<typeof makeCertificate>;

/** A wrong passphrase that OpenSSL cannot tell from the right one by the end of what it leads to: one in 256. */
function unluckyFor(keyFile: string): string {
  const key = readFileSync(keyFile);
  for (let i = 0; ; i++)
    try {
      createPrivateKey({ key, passphrase: `battery ${i}` });
    } catch (error) {
      if (!/bad decrypt/.test((error as Error).message)) return `battery ${i}`;
    }
}

/** A client that reads what it is sent. */
class Client {
  readonly socket: TLSSocket;
  received = "";

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.setEncoding("latin1").on("error", () => {});
    socket.on("data", (data: string) => (this.received += data));
  }

  /** Rejects when the handshake fails, which in TLS 1.3 may show later, too. */
  static async connect(
    port: number,
    options: ConnectionOptions = {},
  ): Promise<Client> {
    const socket = connect({
      port,
      host: LOCAL.host,
      rejectUnauthorized: false,
      ...options,
    });
    const client = new Client(socket);
    await once(socket, "secureConnect");
    return client;
  }

  get shown(): string {
    return String(this.socket.getPeerCertificate().subject.CN);
  }

  /** The body of the reply; empty when the connection ends without one. */
  async ask(body = ""): Promise<string> {
    this.received = "";
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}`;
    this.socket.write(`${head}\r\n\r\n${body}`);
    for (;;) {
      const [, reply] = /\r\n\r\n(.+)$/s.exec(this.received) ?? [];
      if (reply !== undefined) return reply;
      if (this.socket.closed || this.socket.readableEnded) return "";
      await Promise.race([
        once(this.socket, "data"),
        once(this.socket, "close"),
      ]);
    }
  }

  end(): void {
    this.socket.destroy();
  }
}

/** Whose certificate it is shown. */
async function shownTo(port: number, servername?: string): Promise<string> {
  const client = await Client.connect(port, {
    ...(servername !== undefined && { servername }),
  });
  const { shown } = client;
  client.end();
  return shown;
}

const failureOf = async (attempt: () => unknown): Promise<string> => {
  try {
    await attempt();
  } catch (error) {
    return (error as Error).message;
  }
  return "it did not fail";
};

describeIf(OPENSSL_MISSING, "With TLS", () => {
  let folder: string;
  let first: Files;
  let second: Files;
  let wild: Files;
  let locked: Files;
  let authority: Files;
  let known: Files;
  let stranger: Files;

  before(function () {
    this.timeout(20_000);
    folder = mkdtempSync(join(tmpdir(), "eddy-test-"));
    const make = (
      ...[name, wanted]: [string, Parameters<typeof makeCertificate>[2]?]
    ): Files => makeCertificate(folder, name, wanted);
    first = make("first", { names: ["a.test"], rsa: true });
    second = make("second", { names: ["b.test", "www.b.test"] });
    wild = make("wild", { names: ["*.c.test"] });
    locked = make("locked", { passphrase: "correct-horse" });
    authority = make("authority");
    known = make("known", {
      subject: "/C=DE/O=People, Inc./CN=known",
      signedBy: "authority",
    });
    stranger = make("stranger");
  });
  after(() => rmSync(folder, { recursive: true }));

  onEachEngine(({ name: engine, options }) => {
    const echo = async (request: GatewayRequest): Promise<string> =>
      `${request.scheme} ${await request.text()}`;

    async function serve(
      tls: TlsOptions,
      mount: (loop: Loop) => unknown = (loop) => loop.mount(echo),
    ): Promise<{ server: TestServer; port: number }> {
      const server = new TestServer();
      mount(server.loop);
      const { port } = await server.loop.listen({ ...LOCAL, ...options, tls });
      return { server, port: port! };
    }

    /** What `listen` says. */
    const refused = (tls: TlsOptions): Promise<string> =>
      failureOf(() =>
        new TestServer().loop.listen({ ...LOCAL, ...options, tls }),
      );

    describe("sni", () => {
      it("has a certificate for each name that clients ask for, and the first for all else", async () => {
        const { port } = await serve({ ...first, sni: [second, wild] });
        expect(await shownTo(port)).to.equal("first");
        expect(await shownTo(port, "a.test")).to.equal("first");
        expect(await shownTo(port, "other.test")).to.equal("first");
        expect(await shownTo(port, "b.test")).to.equal("second");
        expect(await shownTo(port, "www.b.test")).to.equal("second");
        expect(await shownTo(port, "x.c.test")).to.equal("wild");
        expect(await shownTo(port, "c.test")).to.equal("first");
        expect(await shownTo(port, "x.y.c.test")).to.equal("first");
      });

      it("has names in any case, and ALPN, as docs/engines.md says", async () => {
        const { port } = await serve({ ...first, sni: [second] });
        const client = await Client.connect(port, {
          servername: "B.test",
          ALPNProtocols: ["h2", "http/1.1"],
        });
        const { alpnProtocol } = client.socket;
        expect([client.shown, alpnProtocol]).to.deep.equal(
          engine === "uws" ? ["first", false] : ["second", "http/1.1"],
        );
        client.end();
      });

      it("serves the same on each name", async () => {
        const { port } = await serve({ ...first, sni: [second, wild] });
        for (const servername of ["a.test", "b.test", "x.c.test"]) {
          const client = await Client.connect(port, { servername });
          expect(await client.ask("one")).to.equal("https one");
          expect(await client.ask("two")).to.equal("https two");
          client.end();
        }
      });

      it("says that a name is in two of them, and that one has none", async () => {
        const also = makeCertificate(folder, "also", { names: ["b.test"] });
        expect(await refused({ ...first, sni: [second, also] })).to.match(
          /^two TLS certificates are for b.test: .*second.pem and .*also.pem$/,
        );
        expect(await refused({ ...first, sni: [authority] })).to.match(
          /^the TLS certificate .*authority.pem has no name of a host/,
        );
      });
    });

    describe("loop.reloadTls()", () => {
      it("has new connections see the files as they are now, and lets those that are open go on", async () => {
        const own = makeCertificate(folder, "own", { subject: "/CN=old" });
        const { server, port } = await serve({ ...own, sni: [second] });
        const [before, silent] = await Promise.all([
          Client.connect(port),
          Client.connect(port),
        ]);
        expect(await before.ask("1")).to.equal("https 1");
        makeCertificate(folder, "own", { subject: "/CN=new" });
        makeCertificate(folder, "second", {
          names: ["b.test", "new.test"],
          subject: "/CN=renewed",
        });
        expect(await shownTo(port)).to.equal("old");
        server.loop.reloadTls();
        expect(await shownTo(port)).to.equal("new");
        expect(await shownTo(port, "b.test")).to.equal("renewed");
        expect(await shownTo(port, "new.test")).to.equal("renewed");
        expect(await before.ask("2")).to.equal("https 2");
        expect(await silent.ask("3")).to.equal("https 3");
        for (const client of [before, silent]) client.end();
        makeCertificate(folder, "second", { names: ["b.test", "www.b.test"] });
      });

      it("loses no connection", async function () {
        this.timeout(20_000);
        const { server, port } = await serve(first);
        let reloading = true;
        const clients = Array.from({ length: 8 }, async () => {
          const replies: string[] = [];
          while (reloading) {
            const client = await Client.connect(port);
            replies.push(await client.ask("x"));
            client.end();
          }
          return replies;
        });
        for (let i = 0; i < 10; i++) {
          server.loop.reloadTls();
          const client = await Client.connect(port);
          client.end();
        }
        reloading = false;
        const replies = (await Promise.all(clients)).flat();
        expect(replies).to.have.length.above(10);
        expect(new Set(replies)).to.deep.equal(new Set(["https x"]));
      });

      it("throws for files that cannot be used, and all listeners go on with what they had", async () => {
        const [one, two] = ["one", "two"].map((name) =>
          makeCertificate(folder, name),
        ) as [Files, Files];
        const { server, port } = await serve(one);
        const tls = { ...options, ...LOCAL, tls: two };
        const { port: other } = await server.loop.listen(tls);
        makeCertificate(folder, "one", { subject: "/CN=new" });
        writeFileSync(two.cert, "no PEM");
        expect(() => server.loop.reloadTls()).to.throw(
          /^the TLS certificate .*two.pem does not work: /,
        );
        expect(await shownTo(port)).to.equal("one");
        expect(await shownTo(other!)).to.equal("two");
        copyFileSync(first.cert, two.cert);
        expect(() => server.loop.reloadTls()).to.throw(
          /^the TLS key .*two.key.pem is not that of the certificate .*two.pem$/,
        );
      });

      it("has the loop drain with the connections of before", async () => {
        const { server, port } = await serve(first);
        const client = await Client.connect(port);
        await client.ask("1");
        server.loop.reloadTls();
        const closing = server.loop.close({ lingerMs: 10_000 });
        await setImmediate();
        expect(await client.ask("2")).to.equal("https 2");
        expect(client.received).to.match(/^connection: close\r$/im);
        await closing;
        if (!client.socket.closed) await once(client.socket, "close");
      });
    });

    it("serves those who had connected when the loop drains", async () => {
      const { server, port } = await serve(first);
      const sockets = Array.from({ length: 20 }, () =>
        connectTcp(port, LOCAL.host),
      );
      await Promise.all(sockets.map((socket) => once(socket, "connect")));
      if (engine === "uws")
        await setImmediate(); // they are on their way from one app to another
      else while (server.loop.connections.open < 20) await setImmediate();
      const closing = server.loop.close({ lingerMs: 10_000 });
      const replies = sockets.map(async (socket) => {
        const client = await Client.connect(port, { socket });
        return await client.ask("x");
      });
      expect(new Set(await Promise.all(replies))).to.deep.equal(
        new Set(["https x"]),
      );
      await closing;
    });

    it("closes the connections that are too many of one client", async () => {
      const server = new TestServer({ maxConnectionsPerClient: 2 });
      server.expectLog(/has 2 connections/);
      server.loop.mount(echo);
      const at = { ...LOCAL, ...options, tls: first };
      const { port } = await server.loop.listen(at);
      const clients = [
        await Client.connect(port!),
        await Client.connect(port!),
      ];
      for (let i = 0; i < 20; i++)
        expect(await failureOf(() => Client.connect(port!))).to.match(
          /ECONNRESET|disconnected/,
        );
      for (const client of clients) {
        expect(await client.ask("x")).to.equal("https x");
        client.end();
      }
    });

    describe("passphrase", () => {
      it("opens the key, also from a file", async () => {
        const file = join(folder, "passphrase");
        writeFileSync(file, "correct-horse\n");
        for (const more of [
          { passphrase: "correct-horse" },
          { passphraseFile: file },
        ]) {
          const { port } = await serve({ ...locked, ...more });
          expect(await shownTo(port)).to.equal("locked");
        }
      });

      it("says that it is wrong, or missing, without showing it", async () => {
        expect(await refused({ ...locked, passphrase: "battery" })).to.match(
          /^the passphrase is not that of the TLS key .*locked.key.pem$/,
        );
        expect(
          await refused({ ...locked, passphrase: unluckyFor(locked.key) }),
        ).to.match(
          /^the passphrase is not that of the TLS key .*locked.key.pem$/,
        );
        expect(await refused(locked)).to.match(
          /^the TLS key .*locked.key.pem is encrypted, and there is no passphrase for it$/,
        );
        const missing = join(folder, "missing");
        expect(await refused({ ...locked, passphraseFile: missing })).to.match(
          /^cannot read the TLS passphrase: ENOENT.*missing'$/,
        );
      });
    });

    describe("ciphers", () => {
      const agreed = async (
        port: number,
        cipher: ConnectionOptions,
      ): Promise<string> => {
        const client = await Client.connect(port, cipher);
        const { name } = client.socket.getCipher();
        client.end();
        return name;
      };
      const of12 = (ciphers: string): ConnectionOptions => ({
        ciphers: `${ciphers}:@SECLEVEL=0`,
        maxVersion: "TLSv1.2",
      });

      it("are by default those of RFC 9325", async () => {
        const { port } = await serve(first);
        for (const name of [
          "ECDHE-RSA-AES128-GCM-SHA256",
          "ECDHE-RSA-AES256-GCM-SHA384",
          "ECDHE-RSA-CHACHA20-POLY1305",
        ])
          expect(await agreed(port, of12(name))).to.equal(name);
        expect(await agreed(port, {})).to.match(/^TLS_/);
      });

      for (const [name, why] of [
        ["AES128-GCM-SHA256", "static RSA"],
        ["AES256-SHA", "static RSA, CBC"],
        ["ECDHE-RSA-AES128-SHA", "CBC"],
        ["ECDHE-RSA-AES256-SHA384", "CBC"],
      ] as const)
        it(`are not ${name}: ${why}`, async () => {
          const { server, port } = await serve(first);
          expect(await failureOf(() => agreed(port, of12(name)))).to.match(
            /handshake failure|ECONNRESET|disconnected/,
          );
          expect(server.loop.tally.accepted).to.equal(0);
        });

      it("of versions before 1.2 are refused", async () => {
        const { port } = await serve(first);
        const old: ConnectionOptions = {
          minVersion: "TLSv1",
          maxVersion: "TLSv1.1",
          ciphers: "ALL:@SECLEVEL=0",
        };
        expect(await failureOf(() => agreed(port, old))).to.match(
          /protocol version|ECONNRESET|disconnected/,
        );
      });

      it("are those that are given, and all of TLS 1.3", async () => {
        const name = "ECDHE-RSA-AES256-GCM-SHA384";
        const { port } = await serve({ ...first, ciphers: name });
        expect(await agreed(port, of12(name))).to.equal(name);
        const other = of12("ECDHE-RSA-AES128-GCM-SHA256");
        expect(await failureOf(() => agreed(port, other))).to.match(/./);
        expect(await agreed(port, {})).to.match(/^TLS_/);
      });

      it("have to exist", async () => {
        expect(await refused({ ...first, ciphers: "NONSENSE" })).to.match(
          /^the TLS ciphers NONSENSE do not work: /,
        );
        expect(
          await refused({ ...first, ciphers: "TLS_AES_128_GCM_SHA256" }),
        ).to.match(/^option "ciphers" of listen\(\{ tls \}\) takes a list /);
      });
    });

    for (const [title, more] of [
      ["minVersion TLSv1.3", { minVersion: "TLSv1.3" }],
      ["verifyClient", { verifyClient: "optional", ca: "ca.pem" }],
    ] as const)
      if (engine === "uws")
        it(`is an error with ${title}, which names the engine that can`, async () => {
          const ca = "ca" in more ? { ca: authority.cert } : {};
          expect(await refused({ ...first, ...more, ...ca })).to.match(
            /^the engine "uws" .* take the engine "node"/,
          );
        });
  });

  describe("the engine auto", () => {
    const serve = async (
      tls: Partial<TlsOptions>,
      http2 = false,
    ): Promise<number> => {
      const server = new TestServer();
      server.loop.mount(async (request: GatewayRequest) => {
        const { peerCertificate } = request;
        await setImmediate();
        expect(request.peerCertificate).to.equal(peerCertificate);
        return peerCertificate?.subject ?? "nobody";
      });
      const at = { ...LOCAL, http2, tls: { ...first, ...tls } };
      return (await server.loop.listen(at)).port!;
    };
    const as = ({ key, cert }: Files): ConnectionOptions => {
      const read = (file: string): Buffer => readFileSync(file);
      return { key: read(key), cert: read(cert) };
    };
    const asked = async (
      port: number,
      options?: ConnectionOptions,
    ): Promise<string> => {
      const client = await Client.connect(port, options);
      const reply = await client.ask("");
      client.end();
      return reply;
    };

    it("takes node for minVersion TLSv1.3, which refuses 1.2", async () => {
      const port = await serve({ minVersion: "TLSv1.3" });
      expect(await asked(port)).to.equal("nobody");
      expect(
        await failureOf(() => asked(port, { maxVersion: "TLSv1.2" })),
      ).to.match(/protocol version|ECONNRESET/);
    });

    it("takes node for verifyClient: require, and serves who shows a certificate of the authority", async () => {
      const port = await serve({ verifyClient: "require", ca: authority.cert });
      expect(await asked(port, as(known))).to.equal(
        "C=DE\nO=People\\, Inc.\nCN=known",
      );
      for (const options of [{}, as(stranger)])
        expect(await asked(port, options).catch(() => "")).to.equal("");
    });

    it("takes node for verifyClient: optional, and serves who shows none, too", async () => {
      const port = await serve({
        verifyClient: "optional",
        ca: authority.cert,
      });
      expect(await asked(port, as(known))).to.match(/CN=known$/);
      expect(await asked(port)).to.equal("nobody");
      expect(await asked(port, as(stranger)).catch(() => "")).to.equal("");
    });

    it("asks for them on each name of sni, too", async () => {
      const port = await serve({
        verifyClient: "require",
        ca: authority.cert,
        sni: [second],
      });
      const servername = "b.test";
      const shown = await asked(port, { ...as(known), servername });
      expect(shown).to.match(/CN=known$/);
      const other = { ...as(stranger), servername };
      expect(await asked(port, other).catch(() => "")).to.equal("");
    });

    it("gives them by HTTP/2, too", async () => {
      const tls = { verifyClient: "optional", ca: authority.cert } as const;
      const port = await serve(tls, true);
      for (const [options, subject] of [
        [as(known), /CN=known$/],
        [{}, /^nobody$/],
      ] as const) {
        const session = connectHttp2(`https://127.0.0.1:${port}`, {
          rejectUnauthorized: false,
          ...options,
        });
        const stream = session.request({ ":path": "/" }).setEncoding("utf8");
        expect((await stream.toArray()).join("")).to.match(subject);
        session.close();
      }
      const session = connectHttp2(`https://127.0.0.1:${port}`, {
        rejectUnauthorized: false,
        ...as(stranger),
      }).on("error", () => {});
      await once(session, "close");
    });

    it("gives none to who asks when an HTTP/2 connection is gone", async () => {
      let request: GatewayRequest | undefined;
      const server = new TestServer();
      server.loop.mount((it) => {
        request = it;
        return "";
      });
      const at = { ...LOCAL, http2: true, tls: first };
      const { port } = await server.loop.listen(at);
      const session = connectHttp2(`https://127.0.0.1:${port}`, {
        rejectUnauthorized: false,
      });
      await session.request({ ":path": "/" }).resume().toArray();
      session.close();
      await once(session, "close");
      await server.loop.close();
      expect(request!.peerCertificate).to.equal(undefined);
      expect(request!.remoteAddress).to.be.a("string");
    });

    it("takes the authorities anew by loop.reloadTls()", async () => {
      const ca = join(folder, "ca.pem");
      copyFileSync(authority.cert, ca);
      const server = new TestServer();
      server.loop.mount(({ peerCertificate: it }) => it?.subject ?? "nobody");
      const tls = { ...first, verifyClient: "require", ca } as const;
      const { port } = await server.loop.listen({ ...LOCAL, tls });
      const before = await Client.connect(port!, as(known));
      expect(await before.ask()).to.match(/CN=known$/);
      const session = before.socket.getSession()!;
      copyFileSync(stranger.cert, ca);
      server.loop.reloadTls();
      expect(await asked(port!, as(stranger))).to.equal("CN=stranger");
      for (const more of [{}, { session }])
        expect(
          await asked(port!, { ...as(known), ...more }).catch(() => ""),
        ).to.equal("");
      before.end();
    });

    it("says which file of authorities is none", async () => {
      const ca = join(folder, "garbage.pem");
      writeFileSync(ca, "no PEM");
      const tls = { verifyClient: "require", ca } as const;
      expect(await failureOf(() => serve(tls))).to.match(
        /^the TLS authorities .*garbage.pem do not work: /,
      );
    });
  });

  describe("a certificate that expires", () => {
    const lines = ({ log }: TestServer): LogLine[] =>
      log.filter(({ msg }) => msg?.startsWith("the TLS certificate"));

    for (const [days, said] of [
      [-1, /pem has expired \(20.*Z\); renew it, and reload/],
      [10, /pem expires in 10 days \(20/],
      [15, undefined],
    ] as const)
      it(`in ${days} days is ${said ? "told, once" : "nothing to tell of"}`, async () => {
        const old = makeCertificate(folder, "old", { days });
        const server = new TestServer();
        await server.loop.listen({ ...LOCAL, tls: { ...first, sni: [] } });
        await server.loop.listen({ ...LOCAL, tls: old });
        if (said) server.expectLog(said);
        expect(lines(server)).to.have.lengthOf(said ? 1 : 0);
      });

    it("is told again every day, until it is replaced", async () => {
      const { setInterval: real } = globalThis;
      const started: [look: () => void, ms: number][] = [];
      globalThis.setInterval = ((look: () => void, ms: number) => {
        if (ms === 86_400_000) started.push([look, ms]);
        return real(look, ms);
      }) as typeof setInterval;
      const server = new TestServer();
      try {
        const old = makeCertificate(folder, "old", { days: 10 });
        await server.loop.listen({ ...LOCAL, tls: old });
        await server.loop.listen({ ...LOCAL, tls: first });
      } finally {
        globalThis.setInterval = real;
      }
      server.expectLog(/expires in 10 days/);
      expect(started).to.have.lengthOf(1);
      started[0]![0]();
      expect(lines(server)).to.have.lengthOf(2);
      makeCertificate(folder, "old", { days: 100 });
      server.loop.reloadTls();
      started[0]![0]();
      expect(lines(server)).to.have.lengthOf(2);
    });
  });
});

describe("A client that leaves within the handshake", () => {
  const hello = Buffer.from("16030100", "hex");

  for (const http2 of [false, true])
    it(`is gone, with http2: ${http2}`, async () => {
      const server = new TestServer({ idleTimeoutMs: 100 });
      server.loop.mount(() => "hello");
      server.address = await server.loop.listen({
        ...LOCAL,
        tls: CERTIFICATE,
        engine: "node",
        http2,
      });
      for (const bytes of [Buffer.alloc(0), hello]) {
        const client = connectTcp(server.port, LOCAL.host);
        await once(client, "connect");
        while (server.loop.connections.open === 0) await setImmediate();
        client.on("error", () => {}).end(bytes);
        while (server.loop.connections.open > 0) await setImmediate();
      }
    });
});
