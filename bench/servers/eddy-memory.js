/**
 * `eddy-memory.js port [options of listen(), as JSON]`: 200 MB down, as fast as the client takes it; and up, read with
 * pauses: on the loop, and in a thread at `/thread`. For memory.js.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Loop, stream } from "eddy";
import { wsgi } from "eddy/adapters/wsgi";
import { host, port, ready } from "./report.js";

const CHUNK = Buffer.alloc(64 * 1024, "x");
const CHUNKS = (200 * 1024 * 1024) / CHUNK.length;

function* chunks() {
  for (let i = 0; i < CHUNKS; i++) yield CHUNK;
}

async function slowly(request) {
  let bytes = 0;
  for await (const chunk of request.body) {
    bytes += chunk.length;
    await delay(20);
  }
  return `${bytes}`;
}

const module = new URL("apps/megabytes.js", import.meta.url);

await new Loop({ log: false, maxBodyBytes: Infinity })
  .mount("/thread", wsgi({ module, threads: 1 }))
  .get("/", () => stream(chunks()))
  .post("/", slowly)
  .listen({ port, host, ...JSON.parse(process.argv[3] ?? "{}") });
ready();
