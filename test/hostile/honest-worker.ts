/**
 * Honest clients, in a thread of their own: so that their figures are the server's, not those of a busy attacker.
 * A request is sent every few milliseconds, whether those before it were answered or not: who waits for an answer
 * before asking again never sees how long a standstill was.
 */
import { Agent, request } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import type { Served } from "./honest.ts";

interface Visit {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
  reply: string;
}

const VISITS: Visit[] = [
  { method: "GET", path: "/sync", reply: "hello" },
  { method: "GET", path: "/async", reply: "hello" },
  { method: "GET", path: "/operation", reply: "hello" },
  { method: "GET", path: "/stream", reply: "hello" },
  { method: "GET", path: "/wsgi", reply: "hello" },
  { method: "POST", path: "/upload/async", body: "12345", reply: "5 bytes" },
  { method: "POST", path: "/upload/wsgi", body: "12345", reply: "5 bytes" },
  {
    method: "POST",
    path: "/form",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "a=1&b=2",
    reply: "2 fields",
  },
];

/** One in so many comes with a connection of its own: those who are new must get in, too. */
const NEWCOMERS = 10;
const PATIENCE_MS = 15_000;

const { port, everyMs } = workerData as { port: number; everyMs: number };
/** Leaves idle connections before the server does: a request must not meet the close of its connection on the way. */
const agent = new Agent({ keepAlive: true, timeout: 5000 });
const latencies: number[] = [];
const errors: string[] = [];
let shed = 0;
const underWay = new Set<Promise<void>>();

/** Status and body, once both have come; "shed" when there were too many others. */
function ask(visit: Visit, newcomer: boolean): Promise<string> {
  const { method, path, headers, body } = visit;
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        agent: newcomer ? false : agent,
        signal: AbortSignal.timeout(PATIENCE_MS),
        ...(headers && { headers }),
      },
      (res) => {
        let text = "";
        res.setEncoding("utf8");
        res.on("data", (data: string) => (text += data));
        res.on("end", () =>
          resolve(
            res.statusCode === 503 && res.headers["retry-after"] !== undefined
              ? "shed"
              : `${res.statusCode} ${text}`,
          ),
        );
        res.on("error", reject);
      },
    );
    req.on("error", reject);
    req.end(body);
  });
}

async function visit(number: number, newcomer: boolean): Promise<void> {
  const wanted = VISITS[number % VISITS.length]!;
  const start = performance.now();
  try {
    const found = await ask(wanted, newcomer);
    latencies.push(performance.now() - start);
    if (found === "shed") shed++;
    else if (found !== `200 ${wanted.reply}`)
      errors.push(`${wanted.path}: ${found.slice(0, 100)}`);
  } catch (error) {
    errors.push(`${wanted.path}: ${String(error)}`);
  }
}

let visits = 0;

/** Set when it is time to stop: after so many. */
let enough = Infinity;

function send(): void {
  if (visits >= enough) return void finish();
  const newcomer = Math.floor(visits / VISITS.length) % NEWCOMERS === 0;
  const one = visit(visits++, newcomer).finally(() => underWay.delete(one));
  underWay.add(one);
  if (visits === VISITS.length) void all().then(() => tell("serving"));
}

const all = (): Promise<unknown> => Promise.all(underWay);
const tell = (message: Served | "serving"): void =>
  parentPort!.postMessage(message);

/** The value that so much of all is not above. */
function quantile(sorted: number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? NaN;
}

const timer = setInterval(send, everyMs);

/** Ends with one more visit of each kind: the server still serves. */
async function finish(): Promise<void> {
  clearInterval(timer);
  await all();
  for (let i = 0; i < VISITS.length; i++) await visit(i, true);
  agent.destroy();
  latencies.sort((a, b) => a - b);
  tell({
    visits: visits + VISITS.length,
    shed,
    errors,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    max: quantile(latencies, 1),
  });
  parentPort!.close();
}

parentPort!.once("message", (atLeast: number) => (enough = atLeast));
