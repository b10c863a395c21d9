/**
 * `eddy-topic.js PORT close|drop`: publishes the time at an even pace, in messages of 20 KB, from when the parent says
 * so.
 */
import { Loop, upgrade } from "eddy";
import { host, port, ready } from "./report.js";

const EVERY_MS = 150;
const BYTES = 20_000;

const loop = new Loop({ log: false });
loop.websocket(
  "/",
  upgrade(function* (socket) {
    socket.subscribe("time");
    while ((yield* socket.receive()) !== undefined);
  }),
  { slow: process.argv[3], maxBufferedBytes: 256 * 1024 },
);
await loop.listen({ port, host });
process.on("message", ({ ticks }) => {
  if (ticks === undefined) return;
  const timer = setInterval(() => {
    loop.publish("time", String(process.hrtime.bigint()).padEnd(BYTES));
    if (--ticks > 0) return;
    clearInterval(timer);
    process.send({ counts: loop.socketCounts });
  }, EVERY_MS);
});
ready();
