import { createServer } from "node:http";
import { CHUNK, CHUNKS, ordered, received, WHOLE } from "./bodies.js";
import { host, port, ready } from "./report.js";

createServer((req, res) => {
  if (req.method === "POST") return collect(req, res);
  const whole = WHOLE[req.url];
  if (whole !== undefined) {
    res.setHeader("content-type", "application/octet-stream");
    return res.end(whole);
  }
  res.setHeader("content-type", "text/plain");
  for (let i = 0; i < CHUNKS; i++) res.write(CHUNK);
  res.end();
}).listen(port, host, ready);

function collect(req, res) {
  const pieces = [];
  req
    .on("data", (piece) => pieces.push(piece))
    .on("end", () => {
      const body = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
      res.setHeader("content-type", "text/plain");
      res.end(
        req.url === "/json" ? ordered(JSON.parse(body)) : received(body.length),
      );
    });
}
