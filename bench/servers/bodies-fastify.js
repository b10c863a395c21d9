import { Readable } from "node:stream";
import fastify from "fastify";
import { CHUNK, CHUNKS, ordered, received, WHOLE } from "./bodies.js";
import { host, port, ready } from "./report.js";

const app = fastify({ bodyLimit: 16 * 1024 * 1024 });
app.addContentTypeParser(
  "application/octet-stream",
  { parseAs: "buffer" },
  (request, body, done) => done(null, body),
);
app.post("/json", (request, reply) => {
  reply.type("text/plain").send(ordered(request.body));
});
app.post("/*", (request, reply) => {
  reply.type("text/plain").send(received(request.body.length));
});
app.get("/chunks", (request, reply) => {
  reply.type("text/plain").send(Readable.from(chunks()));
});
for (const [path, body] of Object.entries(WHOLE))
  app.get(path, (request, reply) => {
    reply.type("application/octet-stream").send(body);
  });
await app.listen({ port, host });
ready();

function* chunks() {
  for (let i = 0; i < CHUNKS; i++) yield CHUNK;
}
