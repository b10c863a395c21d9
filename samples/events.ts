// Server-Sent Events: news for all that listen, and a client that comes back goes on where it was.
//   curl -N localhost:8000/ticks                              until you leave
//   curl -N -H "last-event-id: 41" localhost:8000/ticks       from 42 on, as a browser asks that was away
//   curl -d "hello" localhost:8000/say                        to all that listen
import { events, Loop, type EventWriter, type GatewayRequest } from "eddy";
import { ensure, sleep, suspend } from "eddy/operations";

const loop = new Loop();
const listeners = new Set<EventWriter>();

/** Each client has its own count. */
const ticks = (request: GatewayRequest) =>
  events(
    function* (out) {
      listeners.add(out);
      yield* ensure(() => void listeners.delete(out)); // also when the client leaves, or the loop ends
      for (let n = Number(request.lastEventId ?? 0) + 1; n <= 1000; n++) {
        yield* out.send({ id: n, event: "tick", data: { n } });
        yield* sleep(1000);
      }
      yield* suspend();
    },
    { retryMs: 2000, behind: "drop" },
  );

async function say(request: GatewayRequest) {
  const data = await request.text();
  for (const out of listeners) void out.send({ event: "said", data });
  return `${listeners.size} have heard it\n`;
}

loop.every("1m", function report() {
  loop.log.info({ listeners: listeners.size }, "listening");
});

await loop
  .get("/ticks", ticks)
  .post("/say", say)
  .serve(Number(process.env.PORT ?? 8000));
