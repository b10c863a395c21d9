// The access log as the command writes it, to a file: `eddy-log json`, `eddy-log combined`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Loop } from "eddy";
import { openLogs } from "../../dist/lib/cli/logs.js";
import { host, port, ready } from "./report.js";

const folder = mkdtempSync(join(tmpdir(), "eddy-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const { accessLog } = openLogs({
  logFormat: process.argv[3],
  logLevel: "info",
  accessLog: join(folder, "access.log"),
  errorLog: "-",
});

await new Loop({ log: false, accessLog })
  .mount(() => "Hello, World!")
  .listen({ port, host });
ready();
