// A chat: rooms, a page, and browsers that come back when the server was away.
//   open http://localhost:8000/kitchen in two tabs and write
//   restart the server: both say so, and go on
//   curl -i localhost:8000/rooms/kitchen      426: it asks for no upgrade
import { readFileSync } from "node:fs";
import { html, Loop, upgrade, type Message, type Socket } from "eddy";

const page = readFileSync("samples/chat/page.html", "utf8");

const loop = new Loop();

/** What a room has heard last: whoever comes, or comes back, gets it first. */
const rooms = new Map<string, Message[]>();
const KEPT = 20;

function* chat(socket: Socket) {
  const room = socket.request.params.room!;
  const said = rooms.get(room) ?? [];
  rooms.set(room, said);
  socket.subscribe(room);
  for (const message of said) yield* socket.send(message);
  for (let message; (message = yield* socket.receive()) !== undefined;) {
    said.push(message);
    if (said.length > KEPT) said.shift();
    loop.publish(room, message);
  }
}

loop
  .get("/:room", () => html(page))
  .websocket("/rooms/:room", upgrade(chat), { maxMessageBytes: 1000 });
await loop.serve(Number(process.env.PORT ?? 8000));
