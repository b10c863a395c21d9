import { browserHeaders } from "./browser.js";
import { measureFronts } from "./fronts.js";
import { measurePython } from "./python.js";
import { measureThreads } from "./threads.js";

/**
 * What is measured, a row a suite. `servers` are files of servers/; all servers of a suite get the same request and must give the
 * same answer. `baseline` is one of them: the others' CPU time per request is told as a multiple of its.
 */
export const suites = {
  hello: {
    title: "The smallest request",
    baseline: "uws",
    servers: [
      "uws",
      "uws-headers",
      "eddy-sync",
      "eddy-async",
      "eddy-operation",
      "eddy-wsgi",
      "node-http",
      "fastify",
      "hono",
    ],
    path: "/",
    headers: {},
  },
  browser: {
    title: "A browser's request",
    baseline: "uws-headers",
    servers: [
      "uws-headers",
      "eddy-sync",
      "eddy-async",
      "eddy-wsgi",
      "node-http",
      "fastify",
      "hono",
    ],
    path: "/",
    headers: browserHeaders,
  },
  engines: {
    title: "Node's own HTTP as the engine",
    baseline: "node-http",
    servers: ["node-http", "eddy-node", "eddy-sync"],
    path: "/",
    headers: {},
  },
  log: {
    title: "The access log",
    baseline: "eddy-sync",
    servers: [
      "eddy-sync",
      "eddy-log true",
      "eddy-log combined",
      "eddy-log command-json",
      "eddy-log command-combined",
    ],
    path: "/",
    headers: {},
  },
  kernel: {
    title: "Operations",
    baseline: "uws",
    servers: ["uws", ...kernelServers()],
    path: "/",
    headers: {},
  },
  /** Measured in its own way, see threads.js. */
  threads: { title: "Threads", servers: [], measure: measureThreads },
  /** Likewise, see fronts.js. */
  fronts: { title: "Fronts", servers: [], measure: measureFronts },
  /** Likewise, see python.js. */
  python: { title: "Python", servers: [], measure: measurePython },
};

/** See servers/kernel.js. */
function kernelServers() {
  const handlers = [
    "once",
    "until",
    "untils",
    "spawn",
    "race",
    "all",
    "resource",
    "ensure",
    "scope",
  ];
  return handlers.flatMap((handler) => [
    `kernel operations ${handler}`,
    `kernel effection ${handler}`,
    `kernel stock ${handler}`,
  ]);
}
