/** The engine alone, with the replies of hono-app.js: it parses and writes the same JSON. */
import { uws } from "../../dist/lib/engine/uws/load.js";
import { host, port, ready } from "./report.js";

const JSON_TYPE = "application/json";

uws
  .App()
  .get("/users/:id", (res, req) => {
    const user = { id: req.getParameter(0), name: "Zoe" };
    res.writeHeader("content-type", JSON_TYPE).end(JSON.stringify(user));
  })
  .post("/orders", (res) => {
    let body = Buffer.alloc(0);
    res.onAborted(() => {});
    res.onData((chunk, isLast) => {
      body = Buffer.concat([body, Buffer.from(chunk)]);
      if (!isLast) return;
      const { items } = JSON.parse(body.toString());
      const reply = JSON.stringify({ count: items.length });
      res.cork(() => res.writeHeader("content-type", JSON_TYPE).end(reply));
    });
  })
  .get("/*", (res) => {
    res.writeHeader("content-type", "text/plain").end("Hello, World!");
  })
  .listen(host, port, (socket) => {
    if (!socket) throw new Error(`port ${port} is taken`);
    ready();
  });
