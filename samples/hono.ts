// A Hono application below /api, and a handler of eddy's own beside it, in one loop on one port. Needs `npm install
// hono`.
//
//   npm run build && node dist/samples/hono.js
//   curl -i localhost:8000/api/orders/7
//   curl -i localhost:8000/api/orders -H 'content-type: application/json' -d '{"item":"tea"}'   # logged behind the
// reply
//   curl -i localhost:8000/api/orders -d '{'                                                    # 400
//   curl -iN localhost:8000/api/ticks                                                           # an event a second
//   curl -i localhost:8000/
import { setTimeout } from "node:timers/promises";
import { Loop, type GatewayRequest } from "eddy";
import { fetch } from "eddy/adapters/fetch";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";

/** `eddy` is the gateway's own request: its id, its log, who asks. */
interface Env {
  Bindings: { eddy: GatewayRequest; currency: string };
}

const api = new Hono<Env>().basePath("/api"); // it sees the whole URL, with the mount

api.get("/orders/:id", (c) =>
  c.json({ id: c.req.param("id"), currency: c.env.currency }),
);

api.post("/orders", async (c) => {
  const order = await c.req.json<{ item: string }>().catch(() => undefined);
  if (order === undefined) return c.text("no JSON\n", 400);
  c.executionCtx.waitUntil(bill(order.item, c.env.eddy)); // the client does not wait for it; a drain does
  return c.json(order, 201);
});

api.get("/ticks", (c) =>
  streamSSE(c, async (out) => {
    for (let n = 1; !out.aborted; n++) {
      await out.writeSSE({ event: "tick", id: `${n}`, data: `${n}` });
      await out.sleep(1000);
    }
  }),
);

async function bill(item: string, { log }: GatewayRequest): Promise<void> {
  await setTimeout(100);
  log.info(`${item} is billed`);
}

await new Loop({ accessLog: true })
  .mount("/api", fetch(api, { lightResponse: true, env: { currency: "EUR" } }))
  .get("/", () => "The API is at /api.\n")
  .serve(Number(process.env.PORT ?? 8000));
