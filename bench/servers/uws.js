/**
 * The engine alone: the least a server on it can cost. Taken from eddy's loader, as the package itself does not load on
 * an older glibc.
 */
import { uws } from "../../dist/lib/engine/uws/load.js";
import { host, port, ready } from "./report.js";

uws
  .App()
  .get("/*", (res) => {
    res.writeHeader("content-type", "text/plain").end("Hello, World!");
  })
  .listen(host, port, (socket) => {
    if (!socket) throw new Error(`port ${port} is taken`);
    ready();
  });
