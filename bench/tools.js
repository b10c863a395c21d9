/**
 * The load generators. Each takes { url, headers, method, body, connections, seconds, role } and gives { requests,
 * perSecond, p50, p99, failures }: latencies in ms, failures as counts by kind.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "./children.js";

const wrkVersion = /^wrk (?:debian\/)?(\S+)/.exec(
  spawnSync("wrk", ["-v"], { encoding: "utf8" }).stdout ?? "",
)?.[1];

/** wrk, where it is installed, before autocannon: it is the faster one and warms the servers up. */
export const tools = [
  ...(wrkVersion
    ? [{ name: "wrk", version: wrkVersion, load: loadByWrk }]
    : []),
  { name: "autocannon", load: loadByAutocannon },
];

async function loadByAutocannon(target) {
  const file = fileURLToPath(new URL("load.js", import.meta.url));
  return JSON.parse(
    await outputOf(process.execPath, [file], target, JSON.stringify(target)),
  );
}

async function loadByWrk(target) {
  const { url, headers, connections, seconds } = target;
  const fields = Object.entries(headers).flatMap(([name, value]) => [
    "-H",
    `${name}: ${value}`,
  ]);
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency"];
  const folder = mkdtempSync(join(tmpdir(), "eddy-bench-"));
  try {
    const script = join(folder, "request.lua");
    writeFileSync(script, scriptOf(target));
    return readWrk(
      await outputOf("wrk", [...args, "-s", script, ...fields, url], target),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Lua: a method and a body are no options of wrk. JSON's strings are Lua's, but for escapes that bodies here do not
 * have.
 */
function scriptOf({ method = "GET", body }) {
  if (body === undefined) return "";
  return `wrk.method = ${JSON.stringify(method)}\nwrk.body = ${JSON.stringify(body)}\n`;
}

/** Reads what wrk prints. It names failures only when there were some. */
function readWrk(text) {
  const find = (pattern) => pattern.exec(text)?.slice(1);
  const milliseconds = ([number, unit]) =>
    Number(number) * { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit];
  const [connect, read, write, timeouts] = find(
    /errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/,
  )?.map(Number) ?? [0, 0, 0, 0];
  return {
    requests: Number(find(/(\d+) requests in /)),
    perSecond: Number(find(/Requests\/sec: +([\d.]+)/)),
    p50: milliseconds(find(/ 50% +([\d.]+)(\w+)/)),
    p99: milliseconds(find(/ 99% +([\d.]+)(\w+)/)),
    failures: {
      errors: connect + read + write,
      timeouts,
      "non-2xx": Number(find(/Non-2xx or 3xx responses: (\d+)/) ?? 0),
    },
  };
}

/** `role`: which core it is kept on, see children.js. */
async function outputOf(command, args, { seconds, role = "load" }, input = "") {
  const child = start(role, command, args, {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: (seconds + 15) * 1000,
  });
  child.stdin.end(input);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  const [code, signal] = await new Promise((resolve) =>
    child.once("close", (...end) => resolve(end)),
  );
  if (code !== 0)
    throw new Error(
      `${command} has failed (${signal ?? `exit code ${code}`})\n${text}`,
    );
  return text;
}
