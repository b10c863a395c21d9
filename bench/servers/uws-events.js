/** The same streams by the engine alone: what it takes to write them, and nothing else. */
import { uws } from "../../dist/lib/engine/uws/load.js";
import { collectOnSignal } from "./collect.js";
import { host, port, ready } from "./report.js";

collectOnSignal();
uws
  .App()
  .get("/", (res) => {
    let n = 0;
    const send = () =>
      res.cork(() =>
        res.write(
          `id: ${n}\nevent: tick\ndata: ${JSON.stringify({ n: n++ })}\n\n`,
        ),
      );
    res.cork(() => {
      res.writeHeader("content-type", "text/event-stream");
      res.writeHeader("cache-control", "no-store");
      res.writeHeader("x-accel-buffering", "no");
      res.write(":\n\n");
    });
    send();
    const timer = setInterval(send, 1000);
    res.onAborted(() => clearInterval(timer));
  })
  .listen(host, port, ready);
