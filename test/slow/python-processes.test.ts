/** Processes that import the application themselves. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { folderWith } from "../support/folder.ts";
import { needsPython, pythonApp } from "../support/python.ts";
import { serveWith } from "../support/server.ts";
import {
  describeProcesses,
  PATIENCE_MS,
} from "../adapters/python/processes.ts";

describeProcesses(true);

describe("Processes of Python", function () {
  this.timeout(PATIENCE_MS);

  before(function () {
    needsPython(this);
  });

  it("that import the application themselves are tried again when they do not start after a loss", async () => {
    const desk = folderWith({ VERSION: "old" });
    const become = (version: string): void =>
      writeFileSync(join(desk, "VERSION"), version);
    const app = pythonApp("versioned:app", { env: { DESK: desk } });
    const server = await serveWith((loop) => loop.mount(app));
    server.expectLog(/a Python process does not start/, /has ended/);
    become("broken");
    expect((await fetch(`${server.url}/exit`)).status).to.equal(502);
    await server.logged(({ msg = "" }) => msg.includes("does not start"));
    become("new");
    expect(await (await fetch(server.url)).text()).to.equal("new");
  });
});
