/**
 * The engine, and every header copied out of it: the least a server can cost that hands all headers to its application.
 */
import { uws } from "../../dist/lib/engine/uws/load.js";
import { host, port, ready } from "./report.js";

uws
  .App()
  .get("/*", (res, req) => {
    const headers = [];
    req.forEach((name, value) => {
      headers.push([name, value]);
    });
    res.writeHeader("content-type", "text/plain").end("Hello, World!");
  })
  .listen(host, port, (socket) => {
    if (!socket) throw new Error(`port ${port} is taken`);
    ready();
  });
