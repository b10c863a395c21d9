/**
 * Clients of streams of events: takes a port and how many; tells the parent when each has had an event, and on any
 * message how many events there were since the last one.
 */
import { connect } from "node:net";

const [port, count] = process.argv.slice(2).map(Number);
const OPENING = 200;
let open = 0;
let listening = 0;
let events = 0;

/** A few at a time, so that none waits in the line of those that are not accepted yet. */
function more() {
  if (open === count) return;
  open++;
  const socket = connect(port, "127.0.0.1", () =>
    socket.write("GET / HTTP/1.1\r\nHost: bench\r\n\r\n"),
  );
  let heard = false;
  socket.on("data", (data) => {
    for (let at = -1; (at = data.indexOf("data: ", at + 1)) !== -1;) events++;
    if (heard || !data.includes("data: ")) return;
    heard = true;
    if (++listening === count) process.send("listening");
    more();
  });
  socket.on("error", fail).on("close", fail);
}

function fail(error) {
  console.error(`a stream has ended: ${error || "closed"}`);
  process.exit(1);
}

process.on("message", () => {
  process.send(events);
  events = 0;
});
process.on("disconnect", () => process.exit());
for (let i = 0; i < OPENING; i++) more();
