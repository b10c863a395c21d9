/** The engine's own WebSockets: an echo that reads text, and topics. `uws-socket.js PORT` */
import { uws } from "../../dist/lib/engine/uws/load.js";
import { host, port, ready } from "./report.js";
import { publishing } from "./socket-topic.js";

const app = uws.App();
publishing((text) => app.publish("news", text));
app
  .ws("/*", {
    idleTimeout: 120,
    maxBackpressure: 1024 * 1024,
    message(ws, data, isBinary) {
      const bytes = Buffer.from(data);
      ws.send(isBinary ? bytes : bytes.utf8Slice(0, bytes.length), isBinary);
    },
    open: (ws) => void ws.subscribe("news"),
  })
  .listen(host, port, (socket) => {
    if (!socket) throw new Error(`port ${port} is taken`);
    ready();
  });
