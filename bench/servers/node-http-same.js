/** node:http on its own, with eddy's reply on the engine `node`, byte by byte: for the suite `engines`. */
import { createServer } from "node:http";
import { host, port, ready } from "./report.js";

const BODY = "Hello, World!";
const FIELDS = [
  "content-type",
  "text/plain; charset=utf-8",
  "content-length",
  String(BODY.length),
];

createServer((req, res) => {
  res.removeHeader("connection"); // nor does eddy say that a connection is kept
  res.writeHead(200, FIELDS.slice());
  res.end(BODY);
}).listen(port, host, ready);
