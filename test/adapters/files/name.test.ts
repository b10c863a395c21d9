import { join } from "node:path";
import { expect } from "chai";
import { files } from "../../../adapters/files.ts";
import { nameOf } from "../../../adapters/files/name.ts";
import { onEachEngine } from "../../support/engines.ts";
import { RawClient } from "../../support/raw-client.ts";
import { siteWith } from "../../support/site.ts";

/** What paths of attackers are made of. */
const TOKENS = [
  "/", "//", "\\", "%2f", "%5c", "%2F", "%255c", "%252f",
  ".", "..", "...", "%2e", "%2e%2e", ".%2e", "%252e", "%c0%ae", "%e0%80%ae",
  "%00", "%0a", "%ff", "%u002e", ";", "~", ":", "a", "public", "secret.txt", "etc/passwd",
]; // prettier-ignore

/** Always the same ones (mulberry32). */
function* paths(count: number, seed = 1): Generator<string> {
  const next = (): number => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < count; i++)
    yield `/${Array.from({ length: 1 + Math.floor(next() * 9) }, () => TOKENS[Math.floor(next() * TOKENS.length)]).join("")}`;
}

describe("nameOf()", () => {
  for (const [path, name] of [
    ["/", "/"],
    ["/a.txt", "/a.txt"],
    ["/a%20b", "/a b"],
    ["/%41", "/A"],
    ["/%2541", "/%41"],
    ["//a///b", "/a/b"],
    ["/a..b/..c/d..", undefined], // a dotfile
    ["/a..b/c..", "/a..b/c.."],
    ["/.well-known/x", "/.well-known/x"],
    ["/.well-known/.x", undefined],
    ["/.well-knownest", undefined],
    ["/.", undefined],
    ["/a/.", undefined],
    ["/..", undefined],
    ["/a/%2e%2e/b", undefined],
    ["/a%2fb", undefined],
    ["/a%5Cb", undefined],
    ["/a\\b", undefined],
    ["/a%00", undefined],
    ["/%ff", undefined],
    ["/%", undefined],
    ["*", undefined],
    ["", undefined],
  ] as const)
    it(`takes ${JSON.stringify(path)} for ${JSON.stringify(name)}`, () => {
      expect(nameOf(path, false)).to.equal(name);
    });

  it("leads to nothing outside of the folder, however a path is made", () => {
    for (const path of paths(20_000)) {
      const name = nameOf(path, true);
      if (name === undefined) continue;
      expect(join("/srv/public", name), path).to.match(/^\/srv\/public\//);
      expect(name, path).to.match(/^\/(?!\/)[^\0\\]*$/);
    }
  });
});

onEachEngine((engine) => {
  it("files() sends nothing from outside of its folder, whatever is asked for", async () => {
    const folder = siteWith({
      "secret.txt": "SECRET",
      "public/a/index.html": "a",
      "public/secret.txt": "mine",
    });
    const server = await engine.serveWith((loop) =>
      loop.mount(
        "/",
        files(join(folder, "public"), {
          dotfiles: true,
          fallback: "secret.txt",
        }),
      ),
    );
    const replies = new Map<string, string>();
    const ask = async (path: string): Promise<void> => {
      const client = await RawClient.connect(server.port);
      client.request(`GET ${path}`, ["Connection: close"]);
      replies.set(path, await client.untilClosed());
    };
    const asked = [...paths(1000)];
    while (asked.length > 0) await Promise.all(asked.splice(0, 50).map(ask));
    for (const [path, reply] of replies) {
      expect(reply, path).not.to.include("SECRET").and.not.include("root:");
      expect(reply, path).to.match(/^HTTP\/1\.1 (200|301|400|404) /);
    }
    const statuses = new Set(
      [...replies.values()].map((it) => it.slice(9, 12)),
    );
    expect([...statuses]).to.include.members(["200", "400", "404"]);
  });
});
