/** `uwsgi-load.js port connections requests`: what nginx sends of a browser's GET, each on a connection of its own. */
import { connect } from "node:net";

const [port, connections, requests] = process.argv.slice(2).map(Number);

const PACKET = packet({
  QUERY_STRING: "",
  REQUEST_METHOD: "GET",
  CONTENT_TYPE: "",
  CONTENT_LENGTH: "",
  REQUEST_URI: "/",
  PATH_INFO: "/",
  DOCUMENT_ROOT: "/usr/share/nginx/html",
  SERVER_PROTOCOL: "HTTP/1.1",
  REQUEST_SCHEME: "http",
  REMOTE_ADDR: "192.0.2.7",
  REMOTE_PORT: "40112",
  SERVER_PORT: "80",
  SERVER_NAME: "example.org",
  HTTP_HOST: "example.org",
  HTTP_USER_AGENT:
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  HTTP_ACCEPT:
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
});

let left = requests;
for (let i = 0; i < connections; i++) ask();

function ask() {
  if (left-- <= 0) return;
  let reply = "";
  connect(port, "127.0.0.1", function () {
    this.write(PACKET);
  })
    .setEncoding("latin1")
    .on("data", (text) => (reply += text))
    .on("close", () => {
      if (!reply.endsWith("\r\n\r\nHello, World!")) throw new Error(reply);
      ask();
    });
}

function packet(variables) {
  const parts = Object.entries(variables)
    .flat()
    .map((text) => {
      const bytes = Buffer.from(text);
      return Buffer.from([bytes.length & 255, bytes.length >> 8, ...bytes]);
    });
  const block = Buffer.concat(parts);
  return Buffer.from([0, block.length & 255, block.length >> 8, 0, ...block]);
}
