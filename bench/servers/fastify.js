import fastify from "fastify";
import { host, port, ready } from "./report.js";

const app = fastify();
app.get("/*", (request, reply) => {
  reply.type("text/plain").send("Hello, World!");
});
await app.listen({ port, host });
ready();
