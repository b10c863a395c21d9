/**
 * An application of node:http: express5, express4, koa, fastify; on `node`, on `node-made` (node:http with requests and
 * responses that are made with the application's prototypes, as anybody can have it), or on `eddy`.
 */
import { createServer, IncomingMessage, ServerResponse } from "node:http";
import { host, port, ready } from "./report.js";

const [kind, on] = process.argv.slice(3);

const HELLO = "Hello, World!";

const makers = {
  express5: async () => express((await import("express")).default()),
  express4: async () => express((await import("express4")).default()),
  async koa() {
    const { default: Koa } = await import("koa");
    const app = new Koa();
    app.use((ctx) => {
      ctx.body = HELLO;
    });
    return app;
  },
  async fastify() {
    const { fastify } = await import("fastify");
    const app = fastify();
    app.get("/", (request, reply) => {
      reply.type("text/plain").send(HELLO);
    });
    return () => app; // which could be awaited
  },
};

function express(app) {
  app.get("/", (req, res) => {
    res.type("text/plain").send(HELLO);
  });
  return app;
}

const made = await makers[kind]();
const appOf = () => (kind === "fastify" ? made() : made);

/** A class of Node's with the prototype that Express would put over its objects. */
function under(base, prototype) {
  function Made(...values) {
    base.apply(this, values);
  }
  Object.setPrototypeOf(Made, base);
  Made.prototype = prototype;
  return Made;
}

async function listenByNode() {
  if (kind === "fastify") {
    await appOf().listen({ port, host });
    return ready();
  }
  const app = appOf();
  const listener = kind === "koa" ? app.callback() : app;
  const classes =
    on === "node-made"
      ? {
          IncomingMessage: under(IncomingMessage, app.request),
          ServerResponse: under(ServerResponse, app.response),
        }
      : {};
  createServer(classes, listener).listen(port, host, ready);
}

async function listenByEddy() {
  const { Loop } = await import("eddy");
  const { node } = await import("eddy/adapters/node");
  await new Loop({ log: false }).mount(node(appOf())).listen({ port, host });
  ready();
}

await (on === "eddy" ? listenByEddy() : listenByNode());
