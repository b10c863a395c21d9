/**
 * The least that a server of uwsgi on node:net can be: it reads the packet's variables, and writes what eddy writes.
 */
import { createServer } from "node:net";
import { host, port, ready } from "./report.js";

const BODY = "Hello, World!";
const REPLY = `HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

createServer((socket) => {
  let bytes = Buffer.alloc(0);
  socket
    .on("data", (piece) => {
      bytes = bytes.length > 0 ? Buffer.concat([bytes, piece]) : piece;
      const variables = read(bytes);
      if (variables?.get("REQUEST_METHOD") === "GET") socket.end(REPLY);
    })
    .on("end", () => socket.destroy())
    .on("error", () => {});
}).listen(port, host, ready);

function read(bytes) {
  if (bytes.length < 4) return undefined;
  const end = 4 + bytes.readUInt16LE(1);
  if (bytes.length < end) return undefined;
  const variables = new Map();
  let at = 4;
  const next = () => {
    const from = at + 2;
    at = from + bytes.readUInt16LE(at);
    return bytes.latin1Slice(from, at);
  };
  while (at < end) variables.set(next(), next());
  return variables;
}
