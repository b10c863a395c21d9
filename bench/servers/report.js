/**
 * What every server of the benchmark does besides serving: it takes its port from the command line, tells the parent
 * when it listens, and answers any message with what the process has used so far. Without a parent it just serves, for
 * a look by hand.
 */
import { existsSync, readFileSync } from "node:fs";

export const host = "127.0.0.1";
export const port = Number(process.argv[2] ?? 3000);

export function ready() {
  if (!process.send) return console.log(`http://${host}:${port}/`);
  process.on("message", () => process.send(usage()));
  process.on("disconnect", () => process.exit()); // the parent is gone, however it went
  process.send("ready");
}

/**
 * CPU time in µs, of all threads of the process, and of the loop's where the system tells; rss in bytes, maxRSS in KiB,
 * as Node has them.
 */
function usage() {
  const { user, system } = process.cpuUsage();
  return {
    user,
    system,
    loop: loopTime(),
    rss: process.memoryUsage.rss(),
    maxRSS: process.resourceUsage().maxRSS,
  };
}

/** proc(5): the first number of schedstat is the time on a CPU in ns. */
function loopTime() {
  const file = `/proc/self/task/${process.pid}/schedstat`;
  if (!existsSync(file)) return NaN;
  return Number(readFileSync(file, "utf8").split(" ")[0]) / 1000;
}
