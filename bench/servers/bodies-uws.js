/** The engine alone, with the work that a server on it cannot leave out: it collects a body before it parses it. */
import { uws } from "../../dist/lib/engine/uws/load.js";
import { CHUNK, CHUNKS, ordered, received, WHOLE } from "./bodies.js";
import { host, port, ready } from "./report.js";

const app = uws
  .App()
  .post("/json", (res) => collect(res, (body) => ordered(JSON.parse(body))))
  .post("/*", (res) => collect(res, (body) => received(body.length)))
  .get("/chunks", (res) => {
    res.onAborted(() => {});
    res.writeHeader("content-type", "text/plain");
    for (let i = 0; i < CHUNKS; i++) res.write(CHUNK);
    res.end();
  });
for (const [path, body] of Object.entries(WHOLE))
  app.get(path, (res) => sendAll(res, body));
app.listen(host, port, (socket) => {
  if (!socket) throw new Error(`port ${port} is taken`);
  ready();
});

function collect(res, answer) {
  const pieces = [];
  let gone = false;
  res.onAborted(() => (gone = true));
  res.onData((piece, isLast) => {
    pieces.push(Buffer.from(new Uint8Array(piece))); // the engine takes it back
    if (!isLast || gone) return;
    const body = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    res.cork(() => {
      res.writeHeader("content-type", "text/plain").end(answer(body));
    });
  });
}

/** As the engine's manual has it: what the socket does not take goes on when it does. */
function sendAll(res, body) {
  let gone = false;
  res.onAborted(() => (gone = true));
  res.writeHeader("content-type", "application/octet-stream");
  const [, done] = res.tryEnd(body, body.length);
  if (done) return;
  res.onWritable((offset) => {
    if (gone) return true;
    const [ok, over] = res.tryEnd(body.subarray(offset), body.length);
    return ok || over;
  });
}
