/** What the mixed load asks: applications of every kind, and what they may do to those beside them. */
import { fileURLToPath } from "node:url";
import { json, Loop, stream } from "eddy";
import { python } from "eddy/adapters/python";
import { wsgi } from "eddy/adapters/wsgi";
import { sleep } from "eddy/operations";

const frozen = (): Error => Object.freeze(new Error("frozen"));

async function* drip(): AsyncGenerator<string> {
  for (;;) {
    yield "drop\n";
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function* breaking(): AsyncGenerator<string> {
  yield "the first\n";
  await new Promise(setImmediate);
  throw frozen();
}

export default new Loop()
  .get("/sync", () => "sync")
  .get("/async", async () => {
    await Promise.resolve();
    return "async";
  })
  .get("/operation", function* () {
    yield* sleep(1);
    return "operation";
  })
  .get("/drip", () => stream(drip()))
  .post("/json", async (request) => json(await request.json()))
  .post("/size", async (request) => {
    const { length } = await request.bytes();
    return String(length);
  })
  .post("/echo", (request) => stream(request.body))
  .get("/frozen/sync", () => {
    throw frozen();
  })
  .get("/frozen/async", async () => {
    await Promise.resolve();
    throw frozen();
  })
  .get("/frozen/operation", function* () {
    yield* sleep(1);
    throw frozen();
  })
  .get("/frozen/stream", () => stream(breaking()))
  .mount(
    "/frozen/wsgi",
    wsgi(() => {
      throw frozen();
    }),
  )
  .mount(
    "/python",
    python("app:app", {
      chdir: fileURLToPath(new URL("../../../tools/mixed", import.meta.url)),
      processes: 1,
      threads: 2,
    }),
  );
