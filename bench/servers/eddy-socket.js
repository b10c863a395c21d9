/** `eddy-socket.js PORT receive|each|await`: an echo, by each way to read; and topics. */
import { Loop, upgrade } from "eddy";
import { each } from "eddy/operations";
import { host, port, ready } from "./report.js";
import { publishing } from "./socket-topic.js";

const echoes = {
  *receive(socket) {
    socket.subscribe("news");
    for (let message; (message = yield* socket.receive()) !== undefined;)
      yield* socket.send(message);
  },
  *each(socket) {
    socket.subscribe("news");
    for (const message of yield* each(socket)) {
      yield* socket.send(message);
      yield* each.next();
    }
  },
  async await(socket) {
    socket.subscribe("news");
    for await (const message of socket) await socket.send(message);
  },
};

const loop = new Loop({ log: false });
const echo = echoes[process.argv[3] ?? "receive"];
await loop.websocket("/", upgrade(echo)).listen({ port, host });
publishing((text) => loop.publish("news", text));
ready();
