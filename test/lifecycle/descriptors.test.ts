/** A gateway that has no file descriptor left. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { needsPython, PYTHON } from "../support/python.ts";

/**
 * Takes all descriptors but one, which is too little for another process, kills its own, and goes on when it is told
 * to.
 */
const PROGRAM = `
  import { once } from "node:events";
  import { closeSync, openSync } from "node:fs";
  import { Loop } from "eddy";
  import { python } from "eddy/adapters/python";

  const loop = new Loop().mount(python("app", { python: ${JSON.stringify(PYTHON)} }));
  const { url } = await loop.listen(0);
  const pid = Number(await (await fetch(url)).text());
  const taken = [];
  try {
    for (;;) taken.push(openSync("/dev/null"));
  } catch {}
  closeSync(taken.pop());
  process.kill(pid, "SIGKILL");
  await once(process.stdin.resume(), "data");
  for (const one of taken) closeSync(one);
  console.log("served by", await (await fetch(url)).text());
  await loop.close();
  process.exit();
`;

const APP = `
import os
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"%d" % os.getpid()]
`;

describe("A gateway without file descriptors", function () {
  this.timeout(PATIENCE_MS);

  before(function () {
    needsPython(this);
  });

  it("says that a Python process does not start for want of them, and starts one when there are some", async () => {
    const cwd = folderWith({ "program.mjs": PROGRAM, "app.py": APP });
    const child = spawn(
      "sh",
      ["-c", 'ulimit -n 400; exec "$0" program.mjs', process.execPath],
      { cwd, stdio: ["pipe", "pipe", "inherit"] },
    );
    const exit = once(child, "exit");
    let said = "";
    for await (const line of createInterface(child.stdout)) {
      if (line.includes("does not start")) child.stdin.write("go on");
      said += `${line}\n`;
    }
    expect(said)
      .to.include(`spawn ${PYTHON} EMFILE`)
      .and.match(/^served by \d+$/m);
    expect((await exit)[0]).to.equal(0);
  });
});
