/** Where and with what the numbers were taken, as the head of a report. */
import { readFileSync } from "node:fs";
import { cpus, release, type } from "node:os";
import { pinned } from "./children.js";
import { tools } from "./tools.js";

const PACKAGES = {
  eddy: "../package.json",
  "uWebSockets.js": "../node_modules/uWebSockets.js/package.json",
  fastify: "node_modules/fastify/package.json",
  hono: "node_modules/hono/package.json",
  "@hono/node-server": "node_modules/@hono/node-server/package.json",
  autocannon: "node_modules/autocannon/package.json",
};

export function head({ rounds, seconds, connections }) {
  const versions = Object.entries(PACKAGES).map(
    ([name, file]) => `${name} ${versionIn(file)}`,
  );
  const wrk = tools.find((tool) => tool.name === "wrk");
  if (wrk) versions.push(`wrk ${wrk.version}`);
  return [
    `- date: ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    `- machine: ${cpus()[0]?.model.trim()}, ${cpus().length} cores; ${type()} ${release()}, ${libc()}, Node.js ${process.versions.node}`,
    `- versions: ${versions.join(", ")}`,
    `- load: ${rounds} × ${seconds} s, ${connections} connections, ${pinned ? "server and load on a core each" : "not pinned to cores"}`,
  ].join("\n");
}

function versionIn(file) {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"))
    .version;
}

function libc() {
  process.report.excludeNetwork = true; // looking up the names of interfaces can take seconds
  const version = process.report.getReport().header.glibcVersionRuntime;
  return version ? `glibc ${version}` : "no glibc";
}
