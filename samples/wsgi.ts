// Two synchronous WSGI applications with middlewares around them, and an async handler, in one loop on one port.
//
//   npm run build && node dist/samples/wsgi.js
//   curl -i localhost:8000/hello/World            # see server-timing
//   curl -i --compressed localhost:8000/table     # see content-encoding: gzip
//   curl -i localhost:8000/admin                  # 401
//   curl -i -u admin:secret localhost:8000/admin  # REMOTE_USER is admin
//   curl -i localhost:8000/slow                   # a second; the others are served meanwhile
import { setTimeout } from "node:timers/promises";
import { Loop } from "eddy";
import { middleware, wsgi, type WsgiApp } from "eddy/adapters/wsgi";
import { basicAuth } from "./wsgi/basic-auth.ts";
import { gzip } from "./wsgi/gzip.ts";
import { timing } from "./wsgi/timing.ts";

/** Answers at once: an array of chunks. */
const hello: WsgiApp = (environ, startResponse) => {
  startResponse("200 OK", [["content-type", "text/plain; charset=utf-8"]]);
  const name = Buffer.from(environ.PATH_INFO.slice(1), "latin1"); // a character for each byte
  const user = (environ.REMOTE_USER as string | undefined) ?? "a stranger";
  return [`Hello, ${name.toString() || "World"}, says ${user}.\n`];
};

/** Answers bit by bit: a generator of chunks. */
const table: WsgiApp = function* (_environ, startResponse) {
  startResponse("200 OK", [["content-type", "text/plain"]]);
  for (let i = 1; i <= 1000; i++) yield `${i}\t${i * i}\t${i ** 3}\n`;
};

await new Loop()
  .mount("/hello", wsgi(middleware(hello, timing)))
  .mount("/table", wsgi(middleware(table, timing, gzip))) // timing sees the request first
  .mount(
    "/admin",
    wsgi(middleware(hello, timing, basicAuth("admin", "secret"))),
  )
  .get("/slow", async () => {
    await setTimeout(1000);
    return "That took a second.\n";
  })
  .serve(Number(process.env.PORT ?? 8000));
