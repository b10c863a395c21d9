import { join } from "node:path";
import { expect } from "chai";
import { withFewFiles } from "../../support/few-files.ts";
import { describeOnUws } from "../../support/native.ts";
import { ROOT } from "../../support/root.ts";

/** All descriptors are taken when a client comes: it has the last one. */
const PROGRAM = `
  import { once } from "node:events";
  import { closeSync, openSync } from "node:fs";
  import { connect } from "node:net";
  import pino from ${JSON.stringify(join(ROOT, "node_modules/pino/pino.js"))};
  import { Loop } from "eddy";

  setTimeout(() => process.exit(console.log("clients hang")), 8000).unref();
  const lines = [];
  const write = (line) => void lines.push(JSON.parse(line).msg);
  const loop = new Loop({ log: pino({ level: "info" }, { write }) });
  const { port, url } = await loop.mount(() => "served").listen({ port: 0, host: "127.0.0.1" });
  const taken = [];
  try {
    for (;;) taken.push(openSync("/dev/null"));
  } catch {}
  closeSync(taken.pop());
  for (let i = 0; i < 3; i++) await once(connect(port, "127.0.0.1").on("error", () => {}), "close");
  console.log("closed", loop.connections.refused);
  const before = process.cpuUsage();
  await new Promise((go) => setTimeout(go, 500));
  const { user, system } = process.cpuUsage(before); // of a process that does nothing, however busy the machine is
  console.log("idle", user + system < 100_000);
  for (const one of taken) closeSync(one);
  while (!lines.includes("there are file descriptors")) await new Promise((go) => setTimeout(go, 10));
  console.log(await (await fetch(url)).text(), lines.filter((line) => line.startsWith("no file descriptor")).length);
  await loop.close();
  process.exit();
`;

/** Of Node's own servers, libuv closes what it has no descriptor for. */
describeOnUws("Without a free file descriptor, a loop", () => {
  it("closes new connections, says so once, and serves again when there are some", () => {
    expect(withFewFiles(100, PROGRAM)).to.equal(
      "closed 3\nidle true\nserved 1\n",
    );
  });
});
