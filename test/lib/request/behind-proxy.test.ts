/**
 * What applications and the access log see behind a proxy, by real sockets. Trusted or not: the client of these tests
 * is 127.0.0.1.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { wsgi } from "../../../adapters/wsgi.ts";
import {
  json,
  type Application,
  type GatewayRequest,
  type Handler,
  type LoopOptions,
  type Reply,
} from "../../../lib/index.ts";
import { RawClient } from "../../support/raw-client.ts";
import { TestServer } from "../../support/server.ts";
import { onEachEngine } from "../../support/engines.ts";

onEachEngine(({ serveWith, options: engine }) => {
  const look = ({ remoteAddress, scheme, host }: GatewayRequest): Reply =>
    json([remoteAddress, scheme, host]);

  /** Where it is looked at: the engine forgets the peer after the route callback. */
  const HANDLERS: Record<string, Handler> = {
    "a plain handler": look,
    "an async handler": async (request) => look(request),
    "an async handler after an await": async (request) => {
      await setImmediate();
      return look(request);
    },
    "an operation": function* (request) {
      return look(request);
    },
  };

  const TRUSTING = { trustProxy: ["loopback"] };
  const SUSPICIOUS = { trustProxy: ["127.0.0.2", "10.0.0.0/8", "unix"] };

  const FORWARDED =
    'Forwarded: for="[2001:db8::9]:80";proto=https;host=a.example';
  const X_FORWARDED = [
    "X-Forwarded-For: 198.51.100.1, 203.0.113.9",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: b.example:8443",
  ];

  /**
   * The PROXY protocol, version 2, section 2.2: signature, version and command, TCP over IPv4, length, addresses and
   * ports.
   */
  function proxyHeader(source: number[]): string {
    const signature = "\r\n\r\n\0\r\nQUIT\n";
    const addresses = [...source, 192, 0, 2, 1, 0x12, 0x34, 0, 80];
    return (
      signature +
      String.fromCharCode(0x21, 0x11, 0, addresses.length, ...addresses)
    );
  }

  interface Asked extends Omit<LoopOptions, "log"> {
    /** Bytes before the request. */
    before?: string;
    fields?: string[];
  }

  async function ask(
    application: Application,
    { before = "", fields = [], ...options }: Asked,
  ): Promise<unknown> {
    const server = await serveWith((loop) => loop.mount(application), options);
    const client = await RawClient.connect(server.port);
    client.send(before).request("GET /", fields);
    const [, body] = await client.until(/\r\n\r\n(.*[\]}])$/);
    client.abort();
    return JSON.parse(body!);
  }

  describe("Behind a proxy, a request", () => {
    const SEEN = ["127.0.0.1", "http", "test"];
    const told: [title: string, asked: Asked, expected: string[]][] = [
      [
        "is what X-Forwarded-* say",
        { ...TRUSTING, fields: X_FORWARDED },
        ["203.0.113.9", "https", "b.example:8443"],
      ],
      [
        "is what Forwarded says",
        { ...TRUSTING, proxyHeader: "forwarded", fields: [FORWARDED] },
        ["2001:db8::9", "https", "a.example"],
      ],
      [
        "has the address of the PROXY protocol",
        {
          ...TRUSTING,
          proxyHeader: "proxy-v2",
          before: proxyHeader([203, 0, 113, 7]),
          fields: X_FORWARDED,
        },
        ["203.0.113.7", "http", "test"],
      ],
      ["is as the connection shows it where nothing is said", TRUSTING, SEEN],
      [
        "is as the connection shows it where what is said makes no sense",
        {
          ...TRUSTING,
          fields: [
            "X-Forwarded-For: 203.0.113.9, ::1::",
            "X-Forwarded-Proto: gopher",
            "X-Forwarded-Host: /",
          ],
        },
        SEEN,
      ],
      [
        "is not what Forwarded says where the proxies speak X-Forwarded-*",
        { ...TRUSTING, fields: [FORWARDED] },
        SEEN,
      ],
      [
        "is not what X-Forwarded-* say where the proxies speak Forwarded",
        { ...TRUSTING, proxyHeader: "forwarded", fields: X_FORWARDED },
        SEEN,
      ],
      [
        "does not have the address of the PROXY protocol unless the proxies speak it",
        { ...TRUSTING, before: proxyHeader([203, 0, 113, 7]) },
        SEEN,
      ],
    ];
    for (const header of ["x-forwarded", "forwarded", "proxy-v2"] as const)
      for (const [who, options] of [
        ["nobody is trusted", {}],
        ["others are trusted", SUSPICIOUS],
      ] as const)
        told.push([
          `is never what a stranger says by ${header} where ${who}`,
          {
            ...options,
            proxyHeader: header,
            before: proxyHeader([10, 0, 0, 1]),
            fields: [...X_FORWARDED, FORWARDED],
          },
          SEEN,
        ]);
    /** A head of the PROXY protocol that nobody has spoken of: the native engine skips it. */
    const isRefused = ({ before, proxyHeader, trustProxy }: Asked): boolean =>
      engine.engine === "node" &&
      before !== undefined &&
      (proxyHeader !== "proxy-v2" || trustProxy === undefined);
    for (const [title, asked, expected] of told)
      for (const [where, handler] of Object.entries(HANDLERS))
        if (isRefused(asked))
          it(`${title}, which is refused here, in ${where}`, async () => {
            const refusal = await ask(handler, asked).catch(String);
            expect(refusal).to.include("HTTP/1.1 400");
          });
        else
          it(`${title}, in ${where}`, async () => {
            expect(await ask(handler, asked)).to.deep.equal(expected);
          });

    it("is what the access log shows", async () => {
      const server = await serveWith(
        (loop) => loop.mount("/async", async () => "b").mount(() => "a"),
        { ...TRUSTING, accessLog: true },
      );
      for (const path of ["/", "/async"]) {
        const client = await RawClient.connect(server.port);
        client.request(`GET ${path}`, X_FORWARDED);
        await client.until(/\r\n\r\n[ab]$/);
        client.abort();
      }
      await server.end();
      expect(server.accessLines.map((line) => line["remoteAddress"]))
        .to.deep //
        .equal(["203.0.113.9", "203.0.113.9"]);
    });

    it("is what the access log shows by the PROXY protocol", async () => {
      const server = await serveWith((loop) => loop.mount(() => "a"), {
        ...TRUSTING,
        proxyHeader: "proxy-v2",
        accessLog: true,
      });
      const client = await RawClient.connect(server.port);
      client.send(proxyHeader([203, 0, 113, 7])).request("GET /");
      await client.until(/\r\n\r\na$/);
      client.abort();
      const line = await server.logged(({ msg }) => msg === "request");
      expect(line["remoteAddress"]).to.equal("203.0.113.7");
    });

    it("is what the environ of a WSGI-style application has", async () => {
      const app = wsgi((environ, start) => {
        start("200 OK", []);
        const { REMOTE_ADDR, SERVER_NAME, SERVER_PORT, HTTP_HOST } = environ;
        const scheme = environ["wsgi.url_scheme"];
        return [
          JSON.stringify([
            REMOTE_ADDR,
            scheme,
            SERVER_NAME,
            SERVER_PORT,
            HTTP_HOST,
          ]),
        ];
      });
      const seen = (asked: Asked): Promise<unknown> => ask(app, asked);
      expect(await seen({ ...TRUSTING, fields: X_FORWARDED })).to.deep.equal([
        "203.0.113.9",
        "https",
        "b.example",
        "8443",
        "test",
      ]);
      expect(
        await seen({
          ...TRUSTING,
          proxyHeader: "forwarded",
          fields: [FORWARDED],
        }),
      ).to.deep.equal(["2001:db8::9", "https", "a.example", "443", "test"]);
      expect(await seen({ ...SUSPICIOUS, fields: X_FORWARDED })).to.deep.equal([
        "127.0.0.1",
        "http",
        "test",
        "80",
        "test",
      ]);
    });

    it("does not become that of a Unix socket when the engine has forgotten its peer", async () => {
      let request!: GatewayRequest;
      const server = await serveWith(
        (loop) =>
          loop.mount((seen) => {
            request = seen;
            return "done";
          }),
        { trustProxy: ["unix"] },
      );
      const client = await RawClient.connect(server.port);
      client.request("GET /", X_FORWARDED);
      await client.until(/done$/);
      client.abort();
      expect(request.remoteAddress).to.be.oneOf(["", "127.0.0.1"]); // one engine does not forget it
      expect(request.scheme).to.equal("http");
    });

    for (const [title, trustProxy, address] of [
      [
        "is what X-Forwarded-* say where they are trusted",
        ["unix"],
        "203.0.113.9",
      ],
      ["has no address where they are not", ["0.0.0.0/0", "::/0"], ""],
    ] as const)
      it(`by a Unix socket ${title}`, async () => {
        const folder = mkdtempSync(join(tmpdir(), "eddy-test-"));
        const server = new TestServer({ trustProxy });
        server.loop.mount(({ remoteAddress }) => json([remoteAddress]));
        try {
          await server.loop.listen({ ...engine, unix: join(folder, "s") });
          const client = await RawClient.connect(join(folder, "s"));
          client.request("GET /", X_FORWARDED);
          await client.until(new RegExp(`\\["${address}"\\]$`));
          client.abort();
          await server.end();
        } finally {
          rmSync(folder, { recursive: true });
        }
      });
  });

  describe("The PROXY protocol as the engine takes it", () => {
    it("changes the address of later requests of the connection, or is no request: RFC 9112 knows none there", async () => {
      const server = await serveWith((loop) => loop.mount(look), {
        ...TRUSTING,
        proxyHeader: "proxy-v2",
      });
      const client = await RawClient.connect(server.port);
      client.send(proxyHeader([203, 0, 113, 7])).request("GET /");
      await client.until(/\["203.0.113.7",.*\]$/);
      client.send(proxyHeader([10, 0, 0, 1])).request("GET /");
      await client.until(/\["10.0.0.1",.*\]$|HTTP\/1.1 400 /);
      client.abort();
    });
  });
});
