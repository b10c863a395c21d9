import { expect } from "chai";
import { itOnUws } from "../../support/native.ts";
import { afterTest } from "../../support/hooks.ts";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { get as getHttp } from "node:http";
import { get as getHttps, type RequestOptions } from "node:https";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { inspect } from "node:util";
import {
  json,
  ListenError,
  Loop,
  UsageError,
  type ListenOptions,
} from "../../../lib/index.ts";
import { CERTIFICATE } from "../../support/certificate.ts";
import { serveWith, TestServer } from "../../support/server.ts";

const LOCAL = "127.0.0.1";

/** A loop that is to listen in the test. */
function newServer(): TestServer {
  const server = new TestServer();
  server.loop.mount(({ scheme, remoteAddress }) =>
    json({ scheme, remoteAddress }),
  );
  return server;
}

/** Why `loop` cannot listen there. */
async function refusal(
  loop: Loop,
  target: ListenOptions | number,
): Promise<ListenError> {
  const error: unknown = await loop.listen(target).then(
    ({ url }) => new Error(`it listens on ${url}`),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(ListenError);
  return error as ListenError;
}

/** Listens in a process of its own, which says how that went; it serves "child". */
function listenInChild(target: ListenOptions): ChildProcess {
  const lib = JSON.stringify(new URL("../../../lib/index.js", import.meta.url));
  const code = `
    const { Loop } = await import(${lib});
    const loop = new Loop({ log: false }).mount(() => "child");
    await loop.listen(${JSON.stringify(target)}).then(
      ({ url }) => console.log("listens on " + url),
      (error) => console.log(String(error)),
    );`;
  return spawn(process.execPath, ["--input-type=module", "--eval", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** A folder of each test's own; gives the paths of files in it. */
function useFolder(): (file: string) => string {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "eddy-test-"))));
  afterEach(() => rmSync(folder, { recursive: true }));
  return (file) => `${folder}/${file}`;
}

describe("A listener on a port", () => {
  const addresses: [target: ListenOptions, url: RegExp][] = [
    [{ port: 0, host: LOCAL }, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/],
    [{ port: 0, host: "::1" }, /^http:\/\/\[::1\]:[1-9]\d*$/],
    [{ port: 0, host: "localhost" }, /^http:\/\/localhost:[1-9]\d*$/],
    [{ port: 0, host: "0.0.0.0" }, /^http:\/\/localhost:[1-9]\d*$/],
    [{ port: 0 }, /^http:\/\/localhost:[1-9]\d*$/],
  ];
  for (const [target, url] of addresses)
    it(`tells its address for ${inspect(target)} and serves there`, async () => {
      const server = newServer();
      const address = await server.loop.listen(target);
      expect(address.url).to.match(url);
      expect(address.port).to.equal(Number(new URL(address.url).port));
      expect(address.host).to.equal(target.host);
      expect((await fetch(address.url)).status).to.equal(200);
      await server.logged(({ msg }) => msg === `listening on ${address.url}`);
    });

  it("takes a bare number", async () => {
    const server = newServer();
    const { port } = await server.loop.listen(0);
    expect((await fetch(`http://${LOCAL}:${port}`)).status).to.equal(200);
  });

  it("can be one of several of the same loop", async () => {
    const server = newServer();
    const one = await server.loop.listen({ port: 0, host: LOCAL });
    const two = await server.loop.listen({ port: 0, host: LOCAL });
    expect(one.port).not.to.equal(two.port);
    for (const { url } of [one, two])
      expect((await fetch(url)).status).to.equal(200);
  });

  const occupants: Record<
    string,
    (host: string) => Promise<[port: number, leave: () => Promise<unknown>]>
  > = {
    "another loop": async () => {
      const { port, loop } = await serveWith((loop) => loop.mount(() => "x"));
      return [port, async () => loop.close()];
    },
    "a server of node:net": async (host) => {
      const server = createServer().listen(0, host);
      await once(server, "listening");
      return [
        (server.address() as AddressInfo).port,
        async () => once(server.close(), "close"),
      ];
    },
  };
  for (const [occupant, occupy] of Object.entries(occupants))
    it(`says that its port is taken by ${occupant}, and takes another one then`, async () => {
      const [port, leave] = await occupy(LOCAL);
      const { loop } = newServer();
      for (const target of [{ port, host: LOCAL }, { port }]) {
        const error = await refusal(loop, target);
        expect(error.message).to.match(
          new RegExp(
            `^cannot listen on (port |127.0.0.1:)${port}: another process listens there; stop it`,
          ),
        );
        expect(error.cause).to.have.property("code", "EADDRINUSE");
      }
      loop.mount("/late", () => "late"); // as before the first try
      const { url } = await loop.listen({ port: 0, host: LOCAL });
      expect(await (await fetch(`${url}/late`)).text()).to.equal("late");
      await refusal(loop, { port, host: LOCAL });
      expect((await fetch(url)).status).to.equal(200);
      await leave();
      expect((await loop.listen({ port, host: LOCAL })).port).to.equal(port);
    });

  const hosts: [host: string, message: RegExp][] = [
    [
      "192.0.2.77",
      /^cannot listen on 192.0.2.77:0: this machine has no such address$/,
    ],
    ["no-such-host.invalid", /^cannot listen on no-such-host.invalid:0: ./],
    ["999.1.1.1", /^cannot listen on 999.1.1.1:0: ./],
  ];
  for (const [host, message] of hosts)
    it(`says that it cannot listen on ${host}`, async function () {
      this.timeout(30_000); // a look-up of the name may take its time
      const error = await refusal(new Loop({ log: false }), { port: 0, host });
      expect(error.message).to.match(message);
    });

  it("says that there is no socket to listen on at a file descriptor", async () => {
    const fd = openSync("/dev/null", "r");
    afterTest(() => closeSync(fd));
    const error = await refusal(new Loop({ log: false }), { fd });
    expect(error.message).to.match(
      /^cannot listen on file descriptor \d+: this process has inherited no socket there/,
    );
  });

  const misused: [target: unknown, message: RegExp][] = [
    [65_536, /^option "port" of listen\(\) takes .* 0 to 65535, not 65536$/],
    [-1, /^option "port" .*, not -1$/],
    [{ port: 80.5 }, /^option "port" .*, not 80.5$/],
    [{ port: "80" }, /^option "port" .*, not "80"$/],
    [NaN, /^option "port" .*, not NaN$/],
    ["80", /^listen\(\) takes an object with port, host, .*, not "80"$/],
    [undefined, /^listen\(\) takes an object with port, .*, not undefined$/],
    [{ port: 0, host: "" }, /^option "host" .*, not ""$/],
    [{ unix: "" }, /^option "unix" .*, not ""$/],
    [{ uwsgi: 5 }, /^option "uwsgi" .*, not 5$/],
    [
      { fd: -1 },
      /^option "fd" of listen\(\) takes the number of a file descriptor, not -1$/,
    ],
    [
      { fd: 3, engine: "uws" },
      /^the engine "uws" listens on no fd, as uWebSockets.js opens its sockets itself; take the engine "node"$/,
    ],
    [
      { port: 0, hostname: LOCAL },
      /^there is no option "hostname" of listen\(\), only port, host, unix, /,
    ],
    [{ port: 0, tls: true }, /^option "tls" .* key, cert, .*, not true$/],
    [{ port: 0, tls: {} }, /^listen\(\{ tls \}\) takes the paths of PEM files/],
    [
      { port: 0, tls: { key: "/k", cert: "/c", chain: "/a" } },
      /^there is no option "chain" of listen\(\{ tls \}\), only key, cert, pass/,
    ],
    [
      { port: 0, tls: { key: "-----BEGIN PRIVATE KEY-----", cert: "/c" } },
      /^listen\(\{ tls \}\) takes the paths of PEM files, .* not what is in them$/,
    ],
    [
      { port: 0, tls: { key: "/k", cert: Buffer.from("-----BEGIN") } },
      /^listen\(\{ tls \}\) takes the paths of PEM files, .* not what is in them$/,
    ],
    [
      {},
      /^listen\(\) takes a port, a unix socket's path, the fd of a socket, or an address for uwsgi$/,
    ],
    [
      { port: 0, unix: "/x" },
      /^listen\(\) takes a port, a unix socket's path, the fd of a socket, or an address for uwsgi$/,
    ],
  ];
  for (const [target, message] of misused)
    ((target as ListenOptions | null)?.engine === "uws" ? itOnUws : it)(
      `is not to be had for ${inspect(target)}`,
      async () => {
        const { loop } = newServer();
        const error: unknown = await loop
          .listen(target as ListenOptions)
          .catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(UsageError);
        expect((error as Error).message).to.match(message);
        expect((await loop.listen(0)).port).to.be.above(0);
      },
    );

  it("shares its port with another process where both want it", async function () {
    this.timeout(20_000);
    const free = newServer();
    const { port } = await free.loop.listen({ port: 0, host: LOCAL });
    await free.end();
    const target = { port: port!, host: LOCAL, share: true };
    const server = new TestServer();
    server.loop.mount(() => "parent");
    const { url } = await server.loop.listen(target);
    const child = listenInChild(target);
    try {
      const [output] = (await once(child.stdout!, "data")) as [Buffer];
      expect(String(output)).to.equal(`listens on ${url}\n`);
      const answers = new Set<string>();
      const headers = { connection: "close" }; // each connection may go to either
      while (answers.size < 2)
        answers.add(await (await fetch(url, { headers })).text());
      expect([...answers]).to.have.members(["parent", "child"]);
      await refusal(new Loop({ log: false }), { port: port!, host: LOCAL });
    } finally {
      child.kill("SIGKILL");
    }
  });
});

describe("A listener on a Unix socket", () => {
  const path = useFolder();

  async function getUnix(socketPath: string): Promise<unknown> {
    const [response] = await once(
      getHttp({ socketPath, path: "/", agent: false }),
      "response",
    );
    return JSON.parse(await text(response));
  }

  it("sends 20 MB in chunks to a client that takes its time", async () => {
    function* chunks(): Generator<Uint8Array> {
      for (let i = 0; i < 300; i++) yield Buffer.alloc(65_536, "x");
    }
    const server = new TestServer();
    server.loop.mount(() => ({ body: chunks() }));
    await server.loop.listen({ unix: path("s") });
    const request = getHttp({ socketPath: path("s"), agent: false });
    const [response] = await once(request, "response");
    expect((await text(response)).length).to.equal(300 * 65_536);
  });

  it("serves, and removes its file when it closes", async () => {
    const server = newServer();
    const address = await server.loop.listen({ unix: path("s") });
    expect(address).to.deep.equal({
      url: `unix:${path("s")}`,
      unix: path("s"),
    });
    expect(await getUnix(path("s"))).to.deep.equal({
      scheme: "http",
      remoteAddress: "",
    });
    await server.end();
    expect(existsSync(path("s"))).to.equal(false);
  });

  it("replaces the socket that a dead process left", async () => {
    const code = `require("net").createServer().listen(${JSON.stringify(path("s"))}, () => process.kill(process.pid, "SIGKILL"))`;
    await once(execFile(process.execPath, ["--eval", code]), "exit");
    expect(existsSync(path("s"))).to.equal(true);
    const server = newServer();
    await server.loop.listen({ unix: path("s") });
    expect(await getUnix(path("s"))).to.be.an("object");
  });

  it("is the first one's when two are to listen there at once", async () => {
    const { loop } = newServer();
    const unix = path("s");
    const listening = loop.listen({ unix });
    const { message } = await refusal(newServer().loop, { unix });
    await listening;
    expect(message).to.equal(
      `cannot listen on ${unix}: another process listens there`,
    );
  });

  it("says that another process listens there, and leaves it alone", async () => {
    const first = newServer();
    await first.loop.listen({ unix: path("s") });
    const { loop } = newServer();
    const error = await refusal(loop, { unix: path("s") });
    expect(error.message).to.equal(
      `cannot listen on ${path("s")}: another process listens there`,
    );
    await loop.listen({ unix: path("other") });
    expect(await getUnix(path("s"))).to.be.an("object");
    await loop.close();
    expect(existsSync(path("s"))).to.equal(true);
  });

  it("says that the file there is no socket, and leaves it alone", async () => {
    writeFileSync(path("s"), "precious");
    const error = await refusal(new Loop({ log: false }), { unix: path("s") });
    expect(error.message).to.equal(
      `cannot listen on ${path("s")}: the file there is not a socket; remove it, or choose another path`,
    );
    expect(existsSync(path("s"))).to.equal(true);
  });

  it("says that its folder is missing", async () => {
    const unix = path("no/such/folder/s");
    const { message } = await refusal(new Loop({ log: false }), { unix });
    expect(message).to.match(
      /: there is no folder \/.*\/no\/such\/folder; make it$/,
    );
  });

  it("takes a path of 107 bytes", async () => {
    const unix = path("").padEnd(107, "x");
    await newServer().loop.listen({ unix });
    expect(await getUnix(unix)).to.be.an("object");
  });

  it("says that its path is too long", async function () {
    this.timeout(20_000);
    const child = listenInChild({ unix: path("x".repeat(250)) }); // the engine itself would end the process
    expect(await text(child.stdout!)).to.match(
      /^ListenError: cannot listen on .*: the path is longer than 107 bytes\n$/,
    );
  });
});

describe("A listener with TLS", () => {
  let folder: string;
  /** Paths of two files in the folder. */
  const files = (key: string, cert: string): { key: string; cert: string } => ({
    key: join(folder, key),
    cert: join(folder, cert),
  });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "eddy-test-"));
    copyFileSync(CERTIFICATE.key, join(folder, "key.pem"));
    copyFileSync(CERTIFICATE.cert, join(folder, "cert.pem"));
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const other = privateKey.export({ type: "pkcs8", format: "pem" });
    writeFileSync(join(folder, "other.pem"), other);
    writeFileSync(join(folder, "garbage.pem"), "no PEM");
  });
  after(() => rmSync(folder, { recursive: true }));

  it("serves https", async () => {
    const server = newServer();
    const tls = files("key.pem", "cert.pem");
    const { url, port } = await server.loop.listen({
      port: 0,
      host: LOCAL,
      tls,
    });
    expect(url).to.equal(`https://${LOCAL}:${port}`);
    const options: RequestOptions = { rejectUnauthorized: false, agent: false };
    const [response] = await once(getHttps(url, options), "response");
    expect(JSON.parse(await text(response))).to.deep.equal({
      scheme: "https",
      remoteAddress: LOCAL,
    });
  });

  const broken: [title: string, key: string, cert: string, message: RegExp][] =
    [
      [
        "its key is missing",
        "missing.pem",
        "cert.pem",
        /^cannot read the TLS key: ENOENT.*missing.pem'$/,
      ],
      [
        "its certificate is missing",
        "key.pem",
        "missing.pem",
        /^cannot read the TLS certificate: ENOENT.*missing.pem'$/,
      ],
      [
        "its key is of another certificate",
        "other.pem",
        "cert.pem",
        /^the TLS key .*other.pem is not that of the certificate .*cert.pem$/,
      ],
      [
        "its key is no key",
        "garbage.pem",
        "cert.pem",
        /^the TLS key .*garbage.pem does not work: ./,
      ],
      [
        "its certificate is none",
        "key.pem",
        "garbage.pem",
        /^the TLS certificate .*garbage.pem does not work: ./,
      ],
    ];
  for (const [title, key, cert, message] of broken)
    it(`says that ${title}`, async () => {
      const target = { port: 0, tls: files(key, cert) };
      const error = await refusal(new Loop({ log: false }), target);
      expect(error.message).to.match(message);
    });
});
