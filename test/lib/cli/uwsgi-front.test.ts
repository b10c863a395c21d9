/** The socket of the setting `uwsgi`, in a folder where the workers' user may write. */
import { lstatSync, rmSync, statSync, symlinkSync } from "node:fs";
import { Server } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { run } from "effection";
import { useUwsgiFront } from "../../../lib/cli/uwsgi-front.ts";
import { folderWith } from "../../support/folder.ts";
import { afterTest } from "../../support/hooks.ts";
import { NOBODY } from "../../support/other-user.ts";

/** Calls it as soon as a server listens, before whoever has made that one goes on. */
function atOnceBehindListen(action: () => void): void {
  const { listen } = Server.prototype;
  afterTest(() => (Server.prototype.listen = listen));
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    this.once("listening", action);
    return listen.apply(this, args as never);
  } as typeof listen;
}

describe("useUwsgiFront()", () => {
  it("gives the socket to the workers' user, and not the file that this one has put a link to in its place", async function () {
    if (process.getuid?.() !== 0) this.skip(); // only root gives files away
    const folder = folderWith({ "precious.txt": "" });
    const socket = join(folder, "eddy.sock");
    const owner = { uid: NOBODY, gid: NOBODY };
    await run(function* () {
      yield* useUwsgiFront(`unix:${socket}`, owner);
      expect(statSync(socket)).to.include(owner);
    });

    const precious = join(folder, "precious.txt");
    atOnceBehindListen(() => {
      rmSync(socket);
      symlinkSync(precious, socket);
    });
    await run(function* () {
      yield* useUwsgiFront(`unix:${socket}`, owner);
      expect(lstatSync(socket)).to.include(owner);
    });
    expect(statSync(precious)).to.include({ uid: 0, gid: 0 });
  });
});
