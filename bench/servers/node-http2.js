/** node:http2 on its own, with eddy's reply. */
import { createServer } from "node:http2";
import { host, port, ready } from "./report.js";

const BODY = "Hello, World!";

createServer()
  .on("stream", (stream) => {
    stream.respond({
      ":status": 200,
      "content-type": "text/plain; charset=utf-8",
      "content-length": String(BODY.length),
    });
    stream.end(BODY);
  })
  .listen(port, host, ready);
