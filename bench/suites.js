import { measureFetch } from "./apps-fetch.js";
import { measureEvents } from "./apps-events.js";
import { measureFiles } from "./apps-files.js";
import { measureNodeApps } from "./apps-node.js";
import { browserHeaders } from "./browser.js";
import { measureFronts, measureHttp2 } from "./beside.js";
import { measureBodies } from "./bodies.js";
import { measureAsgi } from "./asgi.js";
import { measurePython } from "./python.js";
import { measureTopics } from "./topics.js";
import { measureThreads } from "./threads.js";
import { measureWebSocket } from "./websocket.js";

/**
 * What is measured, a row a suite. `servers` are files of servers/; all servers of a suite get the same request and
 * must give the same answer. `baseline` is one of them: the others' CPU time per request is told as a multiple of its.
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
    baseline: "node-http-same",
    servers: ["node-http-same", "node-http", "eddy-node", "eddy-sync", "uws"],
    path: "/",
    headers: {},
    also: [measureHttp2, measureFronts],
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
  /** Measured in their own way, see apps-files.js. */
  "apps-files": { title: "Files", servers: [], measure: measureFiles },
  "apps-events": { title: "Events", servers: [], measure: measureEvents },
  /** Several requests, see bodies.js. */
  bodies: { title: "Bodies", servers: [], measure: measureBodies },
  /** Measured in its own way, see apps-node.js. */
  "apps-node": {
    title: "Applications of Node",
    servers: [],
    measure: measureNodeApps,
  },
  /** Likewise, see threads.js. */
  threads: { title: "Threads", servers: [], measure: measureThreads },
  /** Likewise, see beside.js. */
  fronts: { title: "Fronts", servers: [], measure: measureFronts },
  /** Likewise, see apps-fetch.js. */
  apps: { title: "Applications", servers: [], measure: measureFetch },
  /** Likewise, see topics.js. */
  topics: { title: "Topics", servers: [], measure: measureTopics },
  /** Likewise, see python.js. */
  python: { title: "Python", servers: [], measure: measurePython },
  /** Likewise, see asgi.js. */
  asgi: { title: "ASGI", servers: [], measure: measureAsgi },
  /** Likewise, see websocket.js. */
  websocket: { title: "WebSocket", servers: [], measure: measureWebSocket },
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
