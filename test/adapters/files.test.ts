/** Files of a folder, as clients get them: on each engine, by real sockets. */
import { createHash } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { files, type FilesOptions } from "../../adapters/files.ts";
import { Loop, UsageError } from "../../lib/index.ts";
import { onEachEngine } from "../support/engines.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { siteWith } from "../support/site.ts";

/** Larger than a piece, and than what a socket takes at once. */
const LARGE = Buffer.alloc(9_000_001, "a line that is no power of two long\n");

const sha1 = (bytes: Uint8Array): string =>
  createHash("sha1").update(bytes).digest("hex");

/** The files of this process that are open in a folder. */
const openIn = (folder: string): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false; // the descriptor of this look
    }
  }).length;

onEachEngine((engine) => {
  async function serve(
    folder: string,
    options?: FilesOptions,
    at = "/",
  ): Promise<TestServer> {
    return await engine.serveWith((loop) =>
      loop.mount(at, files(folder, options)),
    );
  }

  /** As sent, without what a client would make of the path. */
  async function raw(
    server: TestServer,
    line: string,
    ...fields: string[]
  ): Promise<string> {
    const client = await RawClient.connect(server.port);
    client.request(line, [...fields, "Connection: close"]);
    return await client.untilClosed();
  }

  describe("files()", () => {
    it("sends a small file, with what it is", async () => {
      const folder = siteWith({ "a.txt": "hello" });
      utimesSync(join(folder, "a.txt"), 1e9, 1e9);
      const { url } = await serve(folder);
      for (const _ of ["read", "kept"]) {
        const response = await fetch(`${url}/a.txt`);
        expect(response.status).to.equal(200);
        expect(await response.text()).to.equal("hello");
        const fields = Object.fromEntries(response.headers);
        for (const name of ["date", "uwebsockets", "connection", "keep-alive"])
          delete fields[name];
        const { etag, ...rest } = fields;
        expect(etag).to.match(/^W\/"[\w-]+"$/);
        expect(rest).to.deep.equal({
          "accept-ranges": "bytes",
          "cache-control": "no-cache",
          "content-length": "5",
          "content-type": "text/plain; charset=utf-8",
          "last-modified": "Sun, 09 Sep 2001 01:46:40 GMT",
          "x-content-type-options": "nosniff",
        });
      }
    });

    it("sends a large file, whole and in parts", async () => {
      const folder = siteWith({ "large.bin": LARGE });
      const { url } = await serve(folder);
      const whole = await fetch(`${url}/large.bin`);
      expect(whole.headers.get("content-length")).to.equal(
        String(LARGE.length),
      );
      expect(sha1(await whole.bytes())).to.equal(sha1(LARGE));
      const range = "bytes=300000-8000000";
      const part = await fetch(`${url}/large.bin`, { headers: { range } });
      expect(part.status).to.equal(206);
      expect(part.headers.get("content-range")).to.equal(
        "bytes 300000-8000000/9000001",
      );
      expect(sha1(await part.bytes())).to.equal(
        sha1(LARGE.subarray(300_000, 8_000_001)),
      );
      expect(openIn(folder)).to.equal(0);
    });

    it("sends many large files at once, each its own bytes", async () => {
      const contents = Array.from({ length: 8 }, (_, i) =>
        Buffer.alloc(1_500_000 + i, `${i}, again `),
      );
      const folder = siteWith(
        Object.fromEntries(contents.map((it, i) => [`${i}.bin`, it])),
      );
      const { url } = await serve(folder);
      const hashes = contents.map(async (_, i) =>
        sha1(await (await fetch(`${url}/${i}.bin`)).bytes()),
      );
      expect(await Promise.all(hashes)).to.deep.equal(contents.map(sha1));
    });

    for (const [kind, content] of [
      ["small", Buffer.from("0123456789")],
      ["large", LARGE],
    ] as const)
      it(`sends several parts of a ${kind} file as multipart/byteranges, in the order asked for`, async () => {
        const folder = siteWith({ "a.txt": content });
        const { url } = await serve(folder);
        const response = await fetch(`${url}/a.txt`, {
          headers: { range: "bytes=-2, 0-1,3-3" },
        });
        expect(response.status).to.equal(206);
        const type = response.headers.get("content-type")!;
        const [, boundary] = /^multipart\/byteranges; boundary=([\w-]+)$/.exec(
          type,
        )!;
        const body = Buffer.from(await response.bytes());
        expect(response.headers.get("content-length")).to.equal(
          String(body.length),
        );
        const size = content.length;
        const part = (from: number, to: number): string =>
          `\r\n--${boundary}\r\ncontent-type: text/plain; charset=utf-8\r\n` +
          `content-range: bytes ${from}-${to - 1}/${size}\r\n\r\n${content.toString("utf8", from, to)}`;
        expect(body.toString()).to.equal(
          `${part(size - 2, size)}${part(0, 2)}${part(3, 4)}\r\n--${boundary}--\r\n`,
        );
        expect(openIn(folder)).to.equal(0);
      });

    it("sends the whole file for ranges that overlap, or are more than eight", async () => {
      const { url } = await serve(
        siteWith({ "a.txt": "0123456789abcdefghij" }),
      );
      const nine = Array.from({ length: 9 }, (_, i) => `${2 * i}-${2 * i}`);
      for (const range of [
        "0-5,3-7",
        nine.join(),
        nine.slice(1).join() + ",0-19",
      ]) {
        const response = await fetch(`${url}/a.txt`, {
          headers: { range: `bytes=${range}` },
        });
        expect([response.status, await response.text()], range).to.deep.equal([
          200,
          "0123456789abcdefghij",
        ]);
      }
      const eight = await fetch(`${url}/a.txt`, {
        headers: { range: `bytes=${nine.slice(1).join()}` },
      });
      expect(eight.status).to.equal(206);
    });

    it("answers 416 for a part that is not there, with the length", async () => {
      const { url } = await serve(
        siteWith({ "a.txt": "0123456789", "large.bin": LARGE, empty: "" }),
      );
      for (const [path, range, size] of [
        ["a.txt", "10-", 10],
        ["a.txt", "-0", 10],
        ["large.bin", "9000001-9000002,99999999-", 9_000_001],
        ["empty", "0-", 0],
      ] as const) {
        const response = await fetch(`${url}/${path}`, {
          headers: { range: `bytes=${range}` },
        });
        expect(response.status, path + range).to.equal(416);
        expect(response.headers.get("content-range")).to.equal(
          `bytes */${size}`,
        );
      }
    });

    it("answers HEAD as GET, without the body and without heeding a range", async () => {
      const folder = siteWith({ "a.txt": "hello", "large.bin": LARGE });
      const server = await serve(folder);
      for (const [path, size] of [
        ["a.txt", 5],
        ["large.bin", 9_000_001],
      ] as const) {
        const reply = await raw(server, `HEAD /${path}`, "Range: bytes=0-1");
        expect(reply).to.match(/^HTTP\/1\.1 200 OK\r\n/);
        expect(reply.toLowerCase()).to.include(`content-length: ${size}\r\n`);
        expect(reply).to.match(/\r\n\r\n$/);
      }
      expect(openIn(folder)).to.equal(0);
    });

    it("refuses other methods with 405 and Allow", async () => {
      const { url } = await serve(siteWith({ "a.txt": "hello" }));
      for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
        const response = await fetch(`${url}/a.txt`, { method });
        expect(response.status, method).to.equal(405);
        expect(response.headers.get("allow")).to.equal("GET, HEAD");
      }
    });

    it("tells a client that its copy is still right: 304 without content and its fields", async () => {
      const folder = siteWith({ "a.txt": "hello", "large.bin": LARGE });
      const { url } = await serve(folder);
      for (const path of ["a.txt", "large.bin"]) {
        const { headers } = await fetch(`${url}/${path}`, { method: "HEAD" });
        const etag = headers.get("etag")!;
        const time = headers.get("last-modified")!;
        for (const condition of [
          { "if-none-match": etag },
          { "if-none-match": `"other", ${etag.slice(2)} , W/"more"` },
          { "if-none-match": "*" },
          { "if-modified-since": time },
          {
            "if-none-match": etag,
            "if-modified-since": new Date(0).toUTCString(),
          },
        ]) {
          const response = await fetch(`${url}/${path}`, {
            headers: condition,
          });
          expect(response.status, JSON.stringify(condition)).to.equal(304);
          expect(response.headers.get("etag")).to.equal(etag);
          expect(response.headers.get("content-type")).to.equal(null);
        }
        const changed = {
          "if-none-match": '"other"',
          "if-modified-since": time,
        };
        expect(
          (await fetch(`${url}/${path}`, { method: "HEAD", headers: changed }))
            .status,
        ).to.equal(200);
      }
      expect(openIn(folder)).to.equal(0);
    });

    it("answers 412 where the file is not the one that is meant", async () => {
      const { url } = await serve(siteWith({ "a.txt": "hello" }));
      const { headers } = await fetch(`${url}/a.txt`);
      const statusOf = async (
        headers: Record<string, string>,
      ): Promise<number> => (await fetch(`${url}/a.txt`, { headers })).status;
      expect(await statusOf({ "if-match": '"other"' })).to.equal(412);
      expect(await statusOf({ "if-match": headers.get("etag")! })).to.equal(
        412,
      ); // a weak tag
      expect(await statusOf({ "if-match": "*" })).to.equal(200);
      expect(
        await statusOf({ "if-unmodified-since": new Date(0).toUTCString() }),
      ).to.equal(412);
      expect(
        await statusOf({
          "if-unmodified-since": headers.get("last-modified")!,
        }),
      ).to.equal(200);
    });

    it("goes on with a download only if the file is still the same", async () => {
      const { url } = await serve(siteWith({ "a.txt": "hello" }));
      const { headers } = await fetch(`${url}/a.txt`);
      const statusOf = async (condition: string): Promise<number> =>
        (
          await fetch(`${url}/a.txt`, {
            headers: { range: "bytes=1-", "if-range": condition },
          })
        ).status;
      expect(await statusOf(headers.get("last-modified")!)).to.equal(206);
      expect(await statusOf(new Date(0).toUTCString())).to.equal(200);
      expect(await statusOf(headers.get("etag")!)).to.equal(200); // a weak tag
      expect(await statusOf("nonsense")).to.equal(200);
    });

    it("sends the index of a folder, and sends whoever forgets its slash there", async () => {
      const folder = siteWith({
        "docs/index.html": "<p>docs",
        "none/a.txt": "",
      });
      const server = await serve(folder, {}, "/site");
      const { url } = server;
      expect(await (await fetch(`${url}/site/docs/`)).text()).to.equal(
        "<p>docs",
      );
      const { status, headers } = await fetch(`${url}/site/docs?a=b`, {
        redirect: "manual",
      });
      expect([status, headers.get("location")]).to.deep.equal([
        301,
        "/site/docs/?a=b",
      ]);
      for (const path of ["", "/", "/none", "/none/", "/docs/index.html/"])
        expect((await fetch(`${url}/site${path}`)).status, path).to.equal(404);
      writeFileSync(join(folder, "index.html"), "<p>root");
      expect(await (await fetch(`${url}/site/`)).text()).to.equal("<p>root");
      expect(
        (await fetch(`${url}/site`, { redirect: "manual" })).headers.get(
          "location",
        ),
      ).to.equal("/site/");
    });

    it("never sends anybody to another host", async () => {
      const folder = siteWith({ "example.org/index.html": "" });
      const server = await serve(folder);
      for (const path of ["//example.org", "///example.org", "/example.org"])
        expect(await raw(server, `GET ${path}`), path).to.match(
          /\r\nlocation: \/example\.org\/\r\n/i,
        );
      for (const path of [
        "/\\example.org",
        "/%5cexample.org",
        "/%2fexample.org",
        "/./example.org",
      ])
        expect(await raw(server, `GET ${path}`), path).to.match(
          /^HTTP\/1\.1 404 /,
        );
    });

    it("takes no folder's index with `index: false`", async () => {
      const { url } = await serve(siteWith({ "docs/index.html": "docs" }), {
        index: false,
      });
      for (const path of ["docs", "docs/", ""])
        expect(
          (await fetch(`${url}/${path}`, { redirect: "manual" })).status,
          path,
        ).to.equal(404);
      expect(await (await fetch(`${url}/docs/index.html`)).text()).to.equal(
        "docs",
      );
    });

    it("sends the fallback for pages that are not there, and 404 for other files", async () => {
      const folder = siteWith({ "app.html": "<p>app", "a.js": "1" });
      const { url } = await serve(folder, {
        fallback: "app.html",
        immutable: true,
      });
      for (const path of ["", "users/7", "users/"]) {
        const response = await fetch(`${url}/${path}`);
        expect([response.status, await response.text()], path).to.deep.equal([
          200,
          "<p>app",
        ]);
        expect(response.headers.get("cache-control")).to.equal("no-cache");
      }
      for (const path of ["old.js", ".env", "a/.env", "a%2fb"])
        expect((await fetch(`${url}/${path}`)).status, path).to.equal(404);
      expect(
        (await fetch(`${url}/a.js`)).headers.get("cache-control"),
      ).to.equal("max-age=31536000, immutable");
    });

    it("says how long a file may be kept, and what else is wanted", async () => {
      const folder = siteWith({ "a.js": "1", "index.html": "" });
      const headers = (path: string) => ({
        "X-Path": path,
        "content-type": "text/x-own",
      });
      const { url } = await serve(folder, { maxAge: "1h", headers });
      const response = await fetch(`${url}/a.js`);
      expect(response.headers.get("cache-control")).to.equal("max-age=3600");
      expect(response.headers.get("x-path")).to.equal("/a.js");
      expect(response.headers.get("content-type")).to.equal("text/x-own");
    });

    it("sends what is compressed to who prefers it", async () => {
      const folder = siteWith({
        "a.js": "the script itself",
        "a.js.br": "by brotli",
        "a.js.gz": "by gzip, longer",
        "b.js": "alone",
        "c.js": "young",
        "c.js.gz": "old",
      });
      const [now, before] = [1.7e9, 1.6e9];
      for (const name of ["a.js", "a.js.br", "a.js.gz", "c.js"])
        utimesSync(join(folder, name), now, now);
      utimesSync(join(folder, "c.js.gz"), before, before);
      const server = await serve(folder, { precompressed: true });
      const ask = async (path: string, accepts?: string): Promise<string[]> => {
        const reply = await raw(
          server,
          `GET ${path}`,
          ...(accepts === undefined ? [] : [`Accept-Encoding: ${accepts}`]),
        );
        const [head = "", body = ""] = reply.split("\r\n\r\n");
        expect(head).to.match(
          /\r\ncontent-type: text\/javascript; charset=utf-8\r\n/i,
        );
        const field = (name: string) =>
          new RegExp(`\r\n${name}: (.*)`, "i").exec(head)?.[1] ?? "";
        return [body, field("content-encoding"), field("vary")];
      };
      const own = ["the script itself", "", "accept-encoding"];
      const br = ["by brotli", "br", "accept-encoding"];
      const gzip = ["by gzip, longer", "gzip", "accept-encoding"];
      expect(await ask("/a.js")).to.deep.equal(own);
      expect(await ask("/a.js", "gzip, deflate, br, zstd")).to.deep.equal(br);
      expect(await ask("/a.js", "gzip, deflate, br, zstd")).to.deep.equal(br); // remembered
      expect(await ask("/a.js", "br;q=0.5, gzip;q=0.9")).to.deep.equal(gzip);
      expect(await ask("/a.js", "br;q=0, *")).to.deep.equal(gzip);
      expect(await ask("/a.js", "identity, gzip;q=0.5")).to.deep.equal(own);
      expect(await ask("/a.js", "zstd")).to.deep.equal(own);
      expect(await ask("/a.js", "GZIP")).to.deep.equal(gzip);
      expect(await ask("/b.js", "br, gzip")).to.deep.equal(["alone", "", ""]);
      expect(await ask("/c.js", "br, gzip")).to.deep.equal(["young", "", ""]);
      const tags = ["identity", "br", "gzip"].map(async (accepts) =>
        (
          await fetch(`${server.url}/a.js`, {
            method: "HEAD",
            headers: { "accept-encoding": accepts },
          })
        ).headers.get("etag"),
      );
      expect(new Set(await Promise.all(tags)).size).to.equal(3);
    });

    it("leaves what is compressed where it is, unless it is asked for", async () => {
      const { url } = await serve(
        siteWith({ "a.js": "itself", "a.js.br": "br" }),
      );
      const response = await fetch(`${url}/a.js`, {
        headers: { "accept-encoding": "br" },
      });
      expect(await response.text()).to.equal("itself");
      expect(response.headers.get("vary")).to.equal(null);
    });

    it("shows no dotfile unless it may, and /.well-known always", async () => {
      const folder = siteWith({
        ".env": "secret",
        ".git/config": "secret",
        ".well-known/a": "known",
        "a/.well-known/b": "",
      });
      const { url } = await serve(folder);
      for (const path of [".env", ".git/config", "%2eenv", "a/.well-known/b"])
        expect((await fetch(`${url}/${path}`)).status, path).to.equal(404);
      expect(await (await fetch(`${url}/.well-known/a`)).text()).to.equal(
        "known",
      );
      const open = await serve(folder, { dotfiles: true });
      expect(await (await fetch(`${open.url}/.env`)).text()).to.equal("secret");
      expect(await raw(open, "GET /a/../.env")).to.match(/^HTTP\/1\.1 404 /);
    });

    it("follows links within the folder, and none that leads out of it", async () => {
      const secret = siteWith({
        "secret.txt": "secret",
        "sub/s.txt": "secret",
      });
      const folder = siteWith({ "v1/a.txt": "one", "v2/a.txt": "two" });
      symlinkSync(join(secret, "secret.txt"), join(folder, "out.txt"));
      symlinkSync(join(secret, "sub"), join(folder, "out"));
      symlinkSync(join(folder, "loop"), join(folder, "loop"));
      symlinkSync("v1", join(folder, "current"));
      const { url } = await serve(folder, { recheckMs: 0 });
      for (const path of ["out.txt", "out/s.txt", "loop"])
        expect((await fetch(`${url}/${path}`)).status, path).to.equal(404);
      expect(await (await fetch(`${url}/current/a.txt`)).text()).to.equal(
        "one",
      );
      rmSync(join(folder, "current"));
      symlinkSync("v2", join(folder, "current"));
      expect(await (await fetch(`${url}/current/a.txt`)).text()).to.equal(
        "two",
      );
    });

    it("follows the folder itself, where that is a link to the newest release", async () => {
      const folder = siteWith({ "v1/a.txt": "one", "v2/a.txt": "two" });
      const current = join(folder, "current");
      symlinkSync("v1", current);
      const { url } = await serve(current, { recheckMs: 0 });
      expect(await (await fetch(`${url}/a.txt`)).text()).to.equal("one");
      symlinkSync("v2", `${current}.new`);
      renameSync(`${current}.new`, current);
      expect(await (await fetch(`${url}/a.txt`)).text()).to.equal("two");
    });

    it("sees within `recheckMs` that a file has changed, or is gone", async () => {
      const folder = siteWith({ "a.txt": "one", "b.txt": "one" });
      const soon = await serve(folder, { recheckMs: 0 });
      const late = await serve(folder, { recheckMs: 1e9 });
      const ask = async ({ url }: TestServer, name: string) => {
        const response = await fetch(`${url}/${name}`);
        return response.ok ? await response.text() : response.status;
      };
      for (const server of [soon, late])
        expect(await ask(server, "a.txt")).to.equal("one");
      writeFileSync(join(folder, "a.txt"), "two, longer");
      expect([
        await ask(soon, "a.txt"),
        await ask(late, "a.txt"),
      ]).to.deep.equal(["two, longer", "one"]);
      rmSync(join(folder, "a.txt"));
      expect(await ask(soon, "a.txt")).to.equal(404);
    });

    it("tells of a large file what it is now, also when it was another one a moment ago", async () => {
      const folder = siteWith({ "large.bin": LARGE });
      const { url } = await serve(folder, { recheckMs: 1e9 });
      await (await fetch(`${url}/large.bin`)).bytes();
      const other = Buffer.alloc(300_000, "other");
      writeFileSync(join(folder, "other"), other);
      renameSync(join(folder, "other"), join(folder, "large.bin"));
      const response = await fetch(`${url}/large.bin`);
      expect(response.headers.get("content-length")).to.equal("300000");
      expect(sha1(await response.bytes())).to.equal(sha1(other));
      rmSync(join(folder, "large.bin"));
      expect((await fetch(`${url}/large.bin`)).status).to.equal(404);
      expect(openIn(folder)).to.equal(0);
    });

    for (const [what, change] of [
      ["becomes shorter", (file: string) => truncateSync(file, 1_000_000)],
      ["grows", (file: string) => appendFileSync(file, "more")],
    ] as const)
      it(`cuts the reply when its file ${what} meanwhile`, async () => {
        const folder = siteWith({ "large.bin": LARGE });
        const server = await serve(folder);
        server.expectLog(
          /large\.bin failed .*has changed while it was being sent/,
        );
        const client = await RawClient.connect(server.port);
        client.socket.pause();
        client.request("GET /large.bin", ["Connection: close"]);
        while (openIn(folder) === 0)
          await new Promise((resolve) => setImmediate(resolve));
        change(join(folder, "large.bin"));
        client.socket.resume();
        const reply = await client.untilClosed();
        expect(reply).to.match(/\r\ncontent-length: 9000001\r\n/i);
        expect(reply.length).to.be.below(LARGE.length);
        expect(openIn(folder)).to.equal(0);
      });

    it("closes the file of a client that leaves", async () => {
      const folder = siteWith({ "large.bin": LARGE });
      const server = await serve(folder);
      const client = await RawClient.connect(server.port);
      client.socket.pause();
      client.request("GET /large.bin");
      while (openIn(folder) === 0)
        await new Promise((resolve) => setImmediate(resolve));
      client.abort();
      while (openIn(folder) > 0)
        await new Promise((resolve) => setImmediate(resolve));
    });

    it("keeps within its limit of memory", async () => {
      const names = Array.from({ length: 20 }, (_, i) => `${i}.txt`);
      const folder = siteWith(
        Object.fromEntries(names.map((name) => [name, name.repeat(1000)])),
      );
      const { url } = await serve(folder, {
        maxCacheBytes: 20_000,
        recheckMs: 1e9,
      });
      for (const name of [...names, ...names])
        expect(await (await fetch(`${url}/${name}`)).text()).to.equal(
          name.repeat(1000),
        );
      for (const name of names) rmSync(join(folder, name));
      const there = await Promise.all(
        names.map(async (name) => (await fetch(`${url}/${name}`)).ok),
      );
      expect(there.filter(Boolean).length).to.be.within(1, 3);
      const none = await serve(siteWith({ "a.txt": "a" }), {
        maxCacheBytes: 0,
        maxCachedFileBytes: 0,
      });
      expect(await (await fetch(`${none.url}/a.txt`)).text()).to.equal("a");
    });

    it("takes names with spaces, letters beyond ASCII and of any length, and no devices", async () => {
      const folder = siteWith({
        "a b.txt": "space",
        "é.txt": "accent",
        "100%.txt": "percent",
        "a+b": "plus",
      });
      mkdirSync(join(folder, "folder.txt"));
      symlinkSync("/dev/zero", join(folder, "zero"));
      const server = await serve(folder);
      for (const [path, text] of [
        ["a%20b.txt", "space"],
        ["%C3%A9.txt", "accent"],
        ["100%25.txt", "percent"],
        ["a+b", "plus"],
      ])
        expect(await (await fetch(`${server.url}/${path}`)).text()).to.equal(
          text,
        );
      for (const path of [
        "folder.txt",
        "zero",
        "a".repeat(300),
        `${"a/".repeat(2500)}a`,
      ])
        expect(await raw(server, `GET /${path}`), path).to.match(
          /^HTTP\/1\.1 404 /,
        );
    });
  });
});

describe("files()", () => {
  it("refuses a folder that is none, and options that are wrong", () => {
    const folder = siteWith({ "a.txt": "" });
    const make = (options: object) => () => files(folder, options);
    expect(() => files(join(folder, "none"))).to.throw(
      UsageError,
      /there is none at .*none/,
    );
    expect(() => files(join(folder, "a.txt"))).to.throw(UsageError);
    expect(() => files(undefined as never)).to.throw(UsageError);
    expect(make({ indexes: "a" })).to.throw(
      UsageError,
      /no option "indexes" of files\(\)/,
    );
    expect(make({ maxAge: 3600 })).to.throw(
      UsageError,
      /a duration with its unit/,
    );
    expect(make({ maxAge: "soon" })).to.throw(UsageError);
    expect(make({ index: "a/b" })).to.throw(UsageError);
    expect(make({ fallback: "../a" })).to.throw(UsageError, /below the folder/);
    expect(make({ headers: {} })).to.throw(UsageError);
  });

  it("is a handler, for a route as for a mount", async () => {
    const folder = siteWith({ "robots.txt": "all" });
    const server = await serveWith((loop: Loop) =>
      loop.get("/robots.txt", files(folder)),
    );
    expect(await (await fetch(`${server.url}/robots.txt`)).text()).to.equal(
      "all",
    );
  });
});
