/**
 * What every server of the benchmark does besides serving: it takes its port from the command line, tells the parent when it
 * listens, and answers any message with what the process has used so far. Without a parent it just serves, for a look by hand.
 */
export const host = "127.0.0.1";
export const port = Number(process.argv[2] ?? 3000);

export function ready() {
  if (!process.send) return console.log(`http://${host}:${port}/`);
  process.on("message", () => process.send(usage()));
  process.on("disconnect", () => process.exit()); // the parent is gone, however it went
  process.send("ready");
}

/** CPU time in µs, of all threads of the process; rss in bytes, maxRSS in KiB, as Node has them. */
function usage() {
  const { user, system } = process.cpuUsage();
  return {
    user,
    system,
    rss: process.memoryUsage.rss(),
    maxRSS: process.resourceUsage().maxRSS,
  };
}
