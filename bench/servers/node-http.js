import { createServer } from "node:http";
import { host, port, ready } from "./report.js";

createServer((req, res) => {
  res.setHeader("content-type", "text/plain");
  res.end("Hello, World!");
}).listen(port, host, ready);
