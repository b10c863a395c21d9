/**
 * One load by autocannon, in a process of its own: takes { url, headers, method, body, connections, seconds } as JSON
 * on its standard input and prints the result as JSON.
 */
import { readFileSync } from "node:fs";
import { createHistogram } from "node:perf_hooks";
import autocannon from "autocannon";

const {
  url,
  headers,
  method = "GET",
  body,
  connections,
  seconds,
} = JSON.parse(readFileSync(0, "utf8"));

/** Latencies in µs; autocannon's own are rounded to whole milliseconds. */
const latency = createHistogram({ highest: 60_000_000 });

// The timeout, in seconds, has to be shorter than the load for a server that leaves a request unanswered to be noticed.
const run = autocannon({
  url,
  headers,
  method,
  body,
  connections,
  duration: seconds,
  pipelining: 1,
  timeout: 1,
});
run.on("response", (client, status, bytes, milliseconds) =>
  latency.record(Math.max(1, Math.round(milliseconds * 1000))),
);
const { requests, duration, errors, timeouts, non2xx } = await run;

/**
 * When a server closes a connection, autocannon opens another and says nothing; the request without an answer tells.
 */
const unanswered = Math.max(0, requests.sent - requests.total - connections);

console.log(
  JSON.stringify({
    requests: requests.total,
    perSecond: requests.total / duration,
    p50: latency.percentile(50) / 1000,
    p99: latency.percentile(99) / 1000,
    failures: { errors, timeouts, unanswered, "non-2xx": non2xx },
  }),
);
