/** `bodies-eddy <engine> <source>`: what a streamed reply is made of. */
import { Readable } from "node:stream";
import { Loop, stream } from "eddy";
import { CHUNK, CHUNKS, ordered, received, WHOLE } from "./bodies.js";
import { host, port, ready } from "./report.js";

const [, , , engine = "uws", source = "generator"] = process.argv;

const SOURCES = {
  generator: () => stream(chunks()),
  async: () => stream(later()),
  web: () => stream(ReadableStream.from(chunks())),
  node: () => stream(Readable.from(chunks())),
  writer: () =>
    stream(function* (out) {
      for (let i = 0; i < CHUNKS; i++) yield* out.write(CHUNK);
    }),
};

const loop = new Loop({ log: false })
  .post("/json", async (request) => ordered(await request.json()))
  .post("/*", async (request) => received((await request.bytes()).length))
  .get("/chunks", SOURCES[source]);
for (const [path, body] of Object.entries(WHOLE)) loop.get(path, () => body);
await loop.listen({ port, host, engine });
ready();

function* chunks() {
  for (let i = 0; i < CHUNKS; i++) yield CHUNK;
}

async function* later() {
  for (let i = 0; i < CHUNKS; i++) yield CHUNK;
}
