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
    headers: {
      "user-agent":
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
      accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "accept-language": "en-US,en;q=0.5",
      "accept-encoding": "gzip, deflate, br, zstd",
      referer: "http://127.0.0.1/articles/structured-concurrency?page=2",
      cookie:
        "session=5f0c2b9e8d7a41c6b3e2f1a09d8c7b6a; theme=dark; consent=necessary",
      "sec-fetch-dest": "document",
      "sec-fetch-mode": "navigate",
      "sec-fetch-site": "same-origin",
      "cache-control": "max-age=0",
    },
  },
  log: {
    title: "The access log",
    baseline: "eddy-sync",
    servers: ["eddy-sync", "eddy-log json", "eddy-log combined"],
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
