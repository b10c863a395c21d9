/** What an honest client asks for, and what it has to get. */
import { Agent, request } from "node:http";

export interface Visit {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
  reply: string;
}

export const VISITS: Visit[] = [
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

/** Milliseconds after which nobody waits any longer. */
const PATIENCE_MS = 15_000;

/** Leaves idle connections before the server does: a request must not meet the close of its connection on the way. */
const agent = new Agent({ keepAlive: true, timeout: 5000 });

/** Status and body, once both have come; "shed" when there were too many others. */
export function ask(
  port: number,
  visit: Visit,
  newcomer: boolean,
): Promise<string> {
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

/** Closes the connections that are kept for the next request. */
export function hangUp(): void {
  agent.destroy();
}
