/** The kinds of application, each by what it has. Nothing here is awaited that is one itself: some have a `then`. */
import { Server, type RequestListener } from "node:http";
import { UsageError } from "../../lib/adapter.ts";

/** What `node()` takes. */
export type NodeApplication =
  | ((req: never, res: never, ...rest: never[]) => unknown)
  | Server
  | KoaLike
  | FastifyLike
  | NestLike;

interface KoaLike {
  callback(): RequestListener;
}

interface FastifyLike {
  readonly routing: unknown;
  readonly server?: unknown;
  ready(): unknown;
  close(): unknown;
}

interface NestLike {
  getHttpServer?(): unknown;
  getHttpAdapter(): { getInstance(): unknown };
  init(): Promise<unknown>;
  close(): Promise<unknown>;
}

interface Kind {
  /** Asked at each request: there may be none before it is open. */
  readonly listener: () => RequestListener;
  /** Where it listens to upgrades, if it does. Undefined: it is none of node:http. */
  readonly server?: Server | undefined;
  /** Whose prototypes its requests and responses get. */
  readonly maker: unknown;
  readonly open?: () => Promise<unknown>;
  readonly close?: () => Promise<unknown>;
}

const has = <T>(app: unknown, method: keyof T & string): app is T =>
  typeof (app as Record<string, unknown> | null)?.[method] === "function";

/** Fastify's `ready` and `close` give what can be awaited, and comes to the application, which can be, too. */
async function settled(done: unknown): Promise<void> {
  await (done as PromiseLike<unknown>);
}

const plainServer = (server: unknown): Server | undefined =>
  server instanceof Server ? server : undefined;

/** @throws {UsageError} for what is none. */
export function kindOf(app: NodeApplication): Kind {
  if (typeof app === "function")
    return { maker: app, listener: () => app as RequestListener };
  if (app instanceof Server)
    return {
      maker: app.listeners("request")[0],
      server: app,
      listener: () => (req, res) => app.emit("request", req, res),
    };
  if (has<KoaLike>(app, "callback")) {
    const listener = app.callback();
    return { maker: app, listener: () => listener };
  }
  if (has<FastifyLike>(app, "routing"))
    return {
      maker: app,
      listener: () => app.routing as RequestListener,
      server: plainServer(app.server),
      open: () => settled(app.ready()),
      close: () => settled(app.close()),
    };
  if (has<NestLike>(app, "getHttpAdapter")) {
    const inner = app.getHttpAdapter().getInstance();
    const { listener } = kindOf(inner as NodeApplication);
    return {
      maker: inner,
      listener,
      server: plainServer(app.getHttpServer?.()),
      open: () => app.init(),
      close: () => app.close(),
    };
  }
  throw new UsageError(
    "node() takes a function of request and response, an application of Express, Connect, Koa, Fastify " +
      "or NestJS, or an http.Server",
  );
}
