/** Where to listen, as somebody writes it. */
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { ListenError } from "../../lib/index.ts";
import { formatTarget, listenAt, parseTarget } from "../../lib/target.ts";
import { folderWith } from "../support/folder.ts";

describe("Where to listen", () => {
  for (const [where, target, again] of [
    ["8000", { port: 8000 }, ":8000"],
    [":0", { port: 0 }, ":0"],
    ["127.0.0.1:65535", { host: "127.0.0.1", port: 65535 }, "127.0.0.1:65535"],
    ["my-host.test:80", { host: "my-host.test", port: 80 }, "my-host.test:80"],
    ["[::1]:1717", { host: "::1", port: 1717 }, "[::1]:1717"],
    ["unix:./a b.sock", { path: "./a b.sock" }, "unix:./a b.sock"],
  ] as const)
    it(`can be ${where}`, () => {
      const read = parseTarget(where);
      expect(read).to.deep.equal(target);
      expect(formatTarget(read!)).to.equal(again);
    });

  for (const where of [
    "",
    "none",
    "localhost",
    ":65536",
    ":99999",
    "::1:80",
    "[::1]",
    "[host]:80",
    "a b:80",
    "unix:",
    "http://localhost:80",
  ])
    it(`cannot be ${JSON.stringify(where)}`, () => {
      expect(parseTarget(where)).to.equal(undefined);
    });

  it("is one server's alone", async () => {
    const [first, second] = [createServer(), createServer()];
    const target = { path: join(folderWith({}), "socket") };
    await listenAt(first, target);
    const error = await listenAt(second, target).catch((e) => e);
    expect(error).to.be.instanceOf(ListenError);
    expect(error.message).to.match(/: another process listens there$/);
    await once(first.close(), "close");
    await listenAt(second, target);
    await once(second.close(), "close");
  });

  it("may be in a folder that is missing", async () => {
    const path = join(folderWith({}), "missing/socket");
    const error = await listenAt(createServer(), { path }).catch((e) => e);
    expect(error).to.be.instanceOf(ListenError);
    expect(error.message).to.equal(
      `cannot listen on unix:${path}: its folder is missing or not writable`,
    );
  });
});
