// The access log to a file: `eddy-log true`, `eddy-log combined` in a program; `eddy-log command-json`,
// `eddy-log command-combined` as the command writes it.
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Loop } from "eddy";
import { openLogs } from "../../dist/lib/cli/logs.js";
import { host, port, ready } from "./report.js";

const folder = mkdtempSync(join(tmpdir(), "eddy-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const file = join(folder, "access.log");
const [, command, format] = /^(command-)?(.*)$/.exec(process.argv[3]);

if (command === undefined) {
  closeSync(1); // so that the file becomes standard output
  openSync(file, "a");
}
const options =
  command === undefined
    ? { accessLog: format === "true" || format }
    : {
        log: false,
        accessLog: openLogs({
          logFormat: format,
          logLevel: "info",
          accessLog: file,
          errorLog: "-",
        }).accessLog,
      };

await new Loop(options).mount(() => "Hello, World!").listen({ port, host });
ready();
