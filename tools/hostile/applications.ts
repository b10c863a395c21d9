/** What the attacked server serves: a handler of every kind, each in ways that a client can abuse. */
import { setImmediate } from "node:timers/promises";
import { suspend, sleep, type Operation } from "effection";
import { fetch as adapt } from "../../adapters/fetch.ts";
import { wsgi, type WsgiApp } from "../../adapters/wsgi.ts";
import {
  stream,
  type BodyWriter,
  type GatewayRequest,
  type Loop,
} from "../../lib/index.ts";
import { held } from "./held.ts";
import { mountSockets } from "./sockets.ts";

/** What attackers may send to mounts that take a lot; the others keep the default of 1 MiB. */
const much = { maxBodyBytes: 64 * 1024 * 1024 };

const PIECE = Buffer.alloc(64 * 1024, "x");
const WHOLE = Buffer.alloc(16 * 1024 * 1024, "x");
/** Small enough to be given to the engine at once. */
const PAGE = "x".repeat(100 * 1024);

function* holding<T>(work: () => Operation<T>): Operation<T> {
  held.count++;
  try {
    return yield* work();
  } finally {
    held.count--;
  }
}

function* pieces(): Generator<Uint8Array, void> {
  held.count++;
  try {
    for (;;) yield PIECE;
  } finally {
    held.count--;
  }
}

async function* piecesInTime(): AsyncGenerator<Uint8Array, void> {
  for (const piece of pieces()) {
    await setImmediate();
    yield piece;
  }
}

function piecesOnDemand(): ReadableStream<Uint8Array> {
  held.count++;
  return new ReadableStream({
    pull: (controller) => controller.enqueue(PIECE),
    cancel: () => void held.count--,
  });
}

function* writePieces(out: BodyWriter): Operation<void> {
  yield* holding(function* () {
    for (;;) yield* out.write(PIECE);
  });
}

const wsgiPieces: WsgiApp = (_, startResponse) => {
  startResponse("200 OK", []);
  return pieces();
};

function* operation(): Operation<string> {
  yield* sleep(1);
  return "hello";
}

const parkedOperation = (): Operation<string> => holding(forever);

function* forever(): Operation<never> {
  yield* suspend();
  throw new Error("woken");
}

/** Waits for something that never comes, as a promise can: until it is told that nobody wants it. */
function parkedPromise({ signal }: GatewayRequest): Promise<string> {
  held.count++;
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      held.count--;
      reject(signal.reason as Error);
    });
  });
}

/** As the promise above, as a `Request` tells it; its body is never read. */
function parkedFetch({ signal }: Request): Promise<Response> {
  held.count++;
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      held.count--;
      reject(signal.reason as Error);
    });
  });
}

/** Held by two: the stream of the body, and who listens to the signal. */
function endlessFetch({ signal }: Request): Response {
  held.count++;
  signal.addEventListener("abort", () => void held.count--);
  return new Response(piecesOnDemand());
}

async function count({ body }: GatewayRequest): Promise<string> {
  let bytes = 0;
  for await (const chunk of body) bytes += chunk.length;
  return `${bytes} bytes`;
}

function* countInOperation(request: GatewayRequest): Operation<string> {
  return yield* holding(function* () {
    return `${(yield* request.bytes()).length} bytes`;
  });
}

const wsgiCount: WsgiApp = (environ, startResponse) => {
  startResponse("200 OK", [["content-type", "text/plain"]]);
  return [`${environ["wsgi.input"].read().length} bytes`];
};

async function fields(request: GatewayRequest): Promise<string> {
  return `${[...(await request.form())].length} fields`;
}

/** Short replies, as honest clients want them. */
function mountPlain(loop: Loop): void {
  loop
    .get("/sync", () => "hello")
    .get("/async", async () => {
      await setImmediate();
      return "hello";
    })
    .get("/quick", async () => "hello")
    .get("/operation", operation)
    .get("/stream", () => stream(["hel", "lo"]))
    .mount(
      "/wsgi",
      wsgi((_, startResponse) => {
        startResponse("200 OK", [["content-type", "text/plain"]]);
        return ["hello"];
      }),
    )
    .get("/page", () => PAGE)
    .get("/whole", () => WHOLE);
}

/** Replies that never come, and replies without an end. */
function mountEndless(loop: Loop): void {
  loop
    .any("/parked/async", parkedPromise, much)
    .any("/parked/operation", parkedOperation, much)
    .get("/endless/generator", () => stream(pieces()))
    .get("/endless/async", () => stream(piecesInTime()))
    .get("/endless/readable", () => stream(piecesOnDemand()))
    .get("/endless/operation", () => stream(writePieces))
    .mount("/endless/wsgi", wsgi(wsgiPieces))
    .mount("/fetch/parked", adapt(parkedFetch))
    .mount("/fetch/parked/light", adapt(parkedFetch, { lightResponse: true }))
    .mount("/fetch/endless", adapt(endlessFetch))
    .mount(
      "/fetch/endless/light",
      adapt(endlessFetch, { lightResponse: true }),
    );
}

function mountBodies(loop: Loop): void {
  loop
    .post("/upload/async", count, much)
    .post("/upload/operation", countInOperation, much)
    .mount("/upload/wsgi", wsgi(wsgiCount), much)
    .post("/form", fields)
    .post("/form/much", fields, much)
    .post("/json", async (request) => typeof (await request.json()));
}

export function mountAll(loop: Loop): void {
  mountPlain(loop);
  mountEndless(loop);
  mountBodies(loop);
  mountSockets(loop);
}
