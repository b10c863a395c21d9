// A ticker: one task makes the prices, everybody who listens gets them, and who is too slow misses some.
//   open http://localhost:8000/ and look
//   node -e 'new WebSocket("ws://localhost:8000/prices").onmessage = ({ data }) => console.log(data)'   (Node.js 22)
import { sleep } from "eddy/operations";
import { html, Loop, upgrade, type Socket } from "eddy";

const EVERY_MS = 100;

const page = `<!doctype html><title>Ticker</title><h1>–</h1><script type="module">
const target = new URL("/prices", location.href);
target.protocol = target.protocol.replace("http", "ws");
new WebSocket(target).onmessage = ({ data }) =>
  (document.querySelector("h1").textContent = JSON.parse(data).price);
</script>`;

const loop = new Loop();

function* prices() {
  for (let price = 100; ; price += Math.random() - 0.5) {
    loop.publish("prices", JSON.stringify({ price: price.toFixed(2) }));
    yield* sleep(EVERY_MS);
  }
}

/** It listens, and says nothing: the socket stays until one of both sides closes it. */
function* listen(socket: Socket) {
  socket.subscribe("prices");
  while ((yield* socket.receive()) !== undefined);
}

loop.run(prices);
await loop
  .get("/", () => html(page))
  .websocket("/prices", upgrade(listen), {
    slow: "drop", // an old price is of no use
    maxBufferedBytes: 64 * 1024,
  })
  .serve(Number(process.env.PORT ?? 8000));
