/** An echo on the package `ws` and node:http. */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { host, port, ready } from "./report.js";

const server = createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on(
  "connection",
  (ws) =>
    ws.on("message", (data, isBinary) =>
      ws.send(isBinary ? data : /** @type {Buffer} */ (data).toString()),
    ),
);
server.listen(port, host, ready);
