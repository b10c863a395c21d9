// Bodies in pieces, both ways. The client sets the pace: nothing is produced or read ahead of it.
//   curl -N localhost:8000/clock               server-sent events until you leave
//   curl localhost:8000/numbers | tail -1      a million lines from a generator, in constant memory
//   curl -T bigfile localhost:8000/sha256      hashes an upload while it comes in
import { createHash } from "node:crypto";
import { sleep, type Operation } from "eddy/operations";
import { Loop, stream, type BodyWriter, type GatewayRequest } from "eddy";

function* tick(out: BodyWriter): Operation<void> {
  for (;;) {
    yield* out.write(`data: ${new Date().toISOString()}\n\n`);
    yield* sleep(1000);
  }
}

function* numbers() {
  for (let n = 1; n <= 1_000_000; n++) yield `${n}\n`;
}

async function sha256(request: GatewayRequest) {
  const hash = createHash("sha256");
  for await (const chunk of request.body) hash.update(chunk);
  return `${hash.digest("hex")}\n`;
}

await new Loop()
  .get("/clock", () =>
    stream(tick, { headers: { "content-type": "text/event-stream" } }),
  )
  .get("/numbers", () =>
    stream(numbers(), { headers: { "content-type": "text/plain" } }),
  )
  .put("/sha256", sha256, { maxBodyBytes: Infinity })
  .serve(Number(process.env.PORT ?? 8000));
