/** A real nginx in front, set up as docs/operations.md says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { json, type ListenOptions } from "../../lib/index.ts";
import { folderWith } from "../support/folder.ts";
import { NGINX_MISSING, startNginx } from "../support/nginx.ts";
import { describeIf } from "../support/programs.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, TestServer } from "../support/server.ts";

const PAGE = new URL("../../../docs/operations.md", import.meta.url);
const [, SNIPPET = ""] =
  /```nginx\n(.*?)```/s.exec(readFileSync(PAGE, "utf8")) ?? [];

/**
 * As in the docs, but for what a test does not have: port 443, a certificate, a fixed upstream. `extra`: for the block
 * of `proxy_pass`.
 */
function start(upstream: string, extra: string): Promise<number> {
  return startNginx((port) =>
    SNIPPET.replace(/server 127.0.0.1:8000;.*/, `${upstream};`)
      .replace("listen 443 ssl;", `listen 127.0.0.1:${port};`)
      .replaceAll(/ssl_certificate.*/g, "")
      .replace("proxy_pass", `${extra} proxy_pass`),
  );
}

describeIf(NGINX_MISSING, "Behind nginx", () => {
  async function serve(
    trustProxy: string[],
    target: ListenOptions,
  ): Promise<TestServer> {
    const server = new TestServer({ trustProxy });
    server.loop.mount(({ remoteAddress, scheme, host }) =>
      json([remoteAddress, scheme, host]),
    );
    server.address = await server.loop.listen(target);
    return server;
  }

  const SPOOFED = [
    "X-Forwarded-For: 192.0.2.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "Forwarded: for=192.0.2.1;proto=https;host=evil.example",
  ];

  async function askTwice(port: number): Promise<void> {
    const client = await RawClient.connect(port);
    const seen = String.raw`\["127.0.0.1","http","test"\][^]*`;
    client.request("GET /", SPOOFED);
    await client.until(new RegExp(seen));
    client.request("GET /", SPOOFED);
    await client.until(new RegExp(seen + seen));
    client.abort();
  }

  it("an application sees who asked, and not who the client says it is", async () => {
    const server = await serve(["127.0.0.2"], { port: 0, host: "127.0.0.1" });
    const port = await start(
      `server 127.0.0.1:${server.port}`,
      "proxy_bind 127.0.0.2;", // so that the client, at 127.0.0.1, is a stranger
    );
    await askTwice(port);
    expect(server.loop.tally.ok).to.equal(2);
  });

  it("an application on a Unix socket sees it, too", async () => {
    const unix = join(folderWith({}), "eddy.sock");
    const server = await serve(["unix"], { unix });
    await askTwice(await start(`server unix:${unix}`, ""));
    expect(server.loop.tally.ok).to.equal(2);
  });

  it("a body over the limit is answered 413, and its servers go on being asked", async () => {
    const servers = await Promise.all(
      [1, 2, 3].map(() =>
        serveWith((loop) =>
          loop
            .get("/", () => "for others")
            .post("/", () => "not called", { maxBodyBytes: 1_000_000 }),
        ),
      ),
    );
    const upstreams = servers.map(({ port }) => `server 127.0.0.1:${port};`);
    const port = await startNginx(
      (own) => `
        upstream servers { ${upstreams.join(" ")} keepalive 8; }
        server {
          listen 127.0.0.1:${own};
          client_max_body_size 0;
          location / {
            proxy_pass http://servers;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
          }
        }`,
    );
    const url = `http://127.0.0.1:${port}/`;
    for (let i = 0; i < 10; i++) {
      const body = Buffer.alloc(2_000_000);
      const refused = await fetch(url, { method: "POST", body });
      expect(await refused.text()).to.match(/bytes allowed here\n$/);
      expect(refused.status).to.equal(413);
      const others = [1, 2, 3, 4, 5, 6].map(async () => fetch(url));
      for (const { status } of await Promise.all(others))
        expect(status).to.equal(200);
    }
  });
});
