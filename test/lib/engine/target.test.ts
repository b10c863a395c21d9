/** Where to listen, as somebody writes it. */
import { once } from "node:events";
import { spawn } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { ListenError } from "../../../lib/index.ts";
import {
  formatTarget,
  listenAt,
  parseTarget,
} from "../../../lib/engine/target.ts";
import { folderWith } from "../../support/folder.ts";
import {
  NOBODY,
  reachableByOthers,
  type Reachable,
} from "../../support/other-user.ts";

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

  describe("is refused for a Unix socket, saying that", () => {
    const refused = async (path: string): Promise<string> => {
      const error = await listenAt(createServer(), { path }).catch((e) => e);
      expect(error).to.be.instanceOf(ListenError);
      return error.message;
    };

    it("its folder is missing", async () => {
      const folder = join(folderWith({}), "missing");
      expect(await refused(`${folder}/socket`)).to.equal(
        `cannot listen on ${folder}/socket: there is no folder ${folder}; make it`,
      );
    });

    it("its folder is none", async () => {
      const file = join(folderWith({ file: "" }), "file");
      expect(await refused(`${file}/socket`)).to.equal(
        `cannot listen on ${file}/socket: ${file} is not a folder`,
      );
    });

    it("it is a folder itself", async () => {
      expect(await refused(folderWith({}))).to.match(
        /: a folder is there; name a file in it$/,
      );
    });

    it("the path is too long", async () => {
      expect(await refused(`/${"x".repeat(107)}`)).to.match(
        /: the path is longer than 107 bytes$/,
      );
    });

    it("somebody listens there who has no time", async () => {
      const path = join(folderWith({}), "socket");
      const server = createServer().listen({ path, backlog: 1 });
      await once(server, "listening");
      const waiting = [1, 2, 3].map(() => connect(path).on("error", () => {}));
      expect(await refused(path)).to.match(/: another process listens there$/);
      for (const socket of waiting) socket.destroy();
      await once(server.close(), "close");
    });

    for (const [what, mode, message] of [
      ["may be read", 0o755, /: this user may not make files in \/.*$/],
      ["may not", 0o700, /: this user may not make files in \/.*$/],
    ] as const)
      it(`this user may not write to its folder, which ${what}`, async function () {
        const reachable = reachableByOthers(this);
        const folder = reachable.folderWith({});
        chmodSync(folder, mode);
        expect(await refusal(reachable, join(folder, "socket"))).to.match(
          message,
        );
      });

    it("the socket there is another user's", async function () {
      const reachable = reachableByOthers(this);
      const path = join(reachable.folderWith({}), "socket");
      chmodSync(dirname(path), 0o777);
      const server = createServer().listen(path);
      await once(server, "listening");
      chmodSync(path, 0o600);
      expect(await refusal(reachable, path)).to.match(
        /: the socket there is another user's, who may be listening; remove it, or choose another path$/,
      );
      expect(existsSync(path)).to.equal(true);
      await once(server.close(), "close");
    });
  });
});

/** What a process of another user is told. */
async function refusal({ root }: Reachable, path: string): Promise<string> {
  const lib = JSON.stringify(
    pathToFileURL(join(root, "dist/lib/engine/target.js")),
  );
  const code = `
    import { createServer } from "node:net";
    const { listenAt } = await import(${lib});
    await listenAt(createServer(), { path: ${JSON.stringify(path)} }).catch(({ name, message }) => console.log(name, message));
    process.exit();`;
  const args = ["--input-type=module", "--eval", code];
  const child = spawn(process.execPath, args, {
    uid: NOBODY,
    gid: NOBODY,
    cwd: "/",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said = await text(child.stdout);
  expect(said).to.match(/^ListenError /);
  return said.trimEnd();
}
