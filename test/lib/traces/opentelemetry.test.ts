/** Traces, by OpenTelemetry's own SDK to a receiver of OTLP by HTTP. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { context, propagation, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  BatchSpanProcessor,
  NodeTracerProvider,
} from "@opentelemetry/sdk-trace-node";
import { expect } from "chai";
import { after, before, beforeEach } from "mocha";
import { http } from "../../../adapters/http.ts";
import { uwsgi } from "../../../adapters/uwsgi.ts";
import { wsgi } from "../../../adapters/wsgi.ts";
import {
  HttpError,
  UsageError,
  type GatewayRequest,
} from "../../../lib/index.ts";
import {
  sleep,
  spawn,
  suspend,
  type Operation,
} from "../../../lib/operations.ts";
import { openTelemetry, span } from "../../../lib/traces/opentelemetry.ts";
import { folderWith } from "../../support/folder.ts";
import { needsPython, pythonApp } from "../../support/python.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";

const SERVER = 2;
const CLIENT = 3;
const INTERNAL = 1;
const FAILED = 2;

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  status: { code?: number };
  attributes: {
    key: string;
    value: { stringValue?: string; intValue?: number };
  }[];
}

interface Export {
  resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
}

const of = ({ attributes }: Span): Record<string, unknown> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, Object.values(value)[0]]),
  );

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";
const FROM_CALLER = { traceparent: `00-${TRACE}-${CALLER}-01` };

function* waits(): Operation<string> {
  yield* suspend();
  return "";
}

describe("openTelemetry()", () => {
  const traces = openTelemetry();
  let received: Span[];
  const collector = createServer((request: IncomingMessage, response) => {
    void request.toArray().then((chunks) => {
      const body = JSON.parse(
        Buffer.concat(chunks as Buffer[]).toString(),
      ) as Export;
      for (const { scopeSpans } of body.resourceSpans)
        for (const { spans } of scopeSpans) received.push(...spans);
      response.setHeader("content-type", "application/json").end("{}");
    });
  });

  before(async () => {
    await once(collector.listen(0, "127.0.0.1"), "listening");
    const { port } = collector.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/v1/traces`;
    const exporter = new OTLPTraceExporter({ url });
    const processor = new BatchSpanProcessor(exporter);
    new NodeTracerProvider({ spanProcessors: [processor] }).register();
  });
  after(() => {
    for (const api of [trace, context, propagation]) api.disable();
    collector.close();
    collector.closeAllConnections();
  });
  beforeEach(() => (received = []));

  /** So many spans, by their names. */
  async function spans(count: number): Promise<Record<string, Span>> {
    while (received.length < count) {
      await traces.flush();
      await setImmediate();
    }
    expect(received).to.have.lengthOf(count);
    return Object.fromEntries(received.map((one) => [one.name, one]));
  }

  it("makes a span of each exchange, by the conventions for HTTP servers, below that of the caller", async () => {
    const server = await serveWith(
      (loop) => loop.get("/users/:id", ({ params }) => params.id!),
      { traces },
    );
    const response = await fetch(`${server.url}/users/42?a=1&sig=secret`, {
      headers: { ...FROM_CALLER, "user-agent": "test" },
    });
    expect(await response.text()).to.equal("42");
    const { "GET /users/:id": its } = await spans(1);
    expect(its).to.include({
      traceId: TRACE,
      parentSpanId: CALLER,
      kind: SERVER,
    });
    expect(its!.status.code ?? 0).to.equal(0);
    expect(of(its!)).to.include({
      "http.request.method": "GET",
      "http.route": "/users/:id",
      "http.response.status_code": 200,
      "url.path": "/users/42",
      "url.query": "a=1&sig=REDACTED",
      "url.scheme": "http",
      "server.address": "127.0.0.1",
      "server.port": server.port,
      "client.address": "127.0.0.1",
      "user_agent.original": "test",
      "network.protocol.version": "1.1",
      "eddy.outcome": "ok",
    });
  });

  it("says which exchanges failed: not those that were refused", async () => {
    const server = await serveWith(
      (loop) =>
        loop
          .get("/fails", () => {
            throw new Error("on purpose");
          })
          .get("/refuses", () => {
            throw new HttpError(403, "no");
          })
          .get("/waits", waits),
      { traces },
    );
    server.expectLog(/on purpose/);
    for (const path of ["/fails", "/refuses", "/nowhere"])
      await (await fetch(server.url + path)).text();
    const client = await RawClient.connect(server.port);
    client.request("GET /waits");
    while (server.loop.tasks().exchanges.length === 0) await setImmediate();
    client.abort();
    const all = await spans(4);
    const ends = Object.entries(all).map(([name, its]) => [
      name,
      of(its)["http.response.status_code"],
      of(its)["error.type"],
      its.status.code === FAILED,
    ]);
    expect(ends).to.have.deep.members([
      ["GET /fails", 500, "500", true],
      ["GET /refuses", 403, undefined, false],
      ["GET", 404, undefined, false],
      ["GET /waits", undefined, "abort", true],
    ]);
  });

  it("is active in handlers and in all that they start; span() names a part", async () => {
    function* inner(): Operation<string> {
      yield* sleep(1);
      trace.getTracer("test").startSpan("library").end();
      return "inner";
    }
    const server = await serveWith(
      (loop) =>
        loop
          .get("/async", async () => {
            await setImmediate();
            trace.getTracer("test").startSpan("in async").end();
            return "";
          })
          .get("/operation", function* () {
            yield* sleep(1);
            const task = yield* spawn(() => span("part", inner));
            trace.getTracer("test").startSpan("beside").end();
            return yield* task;
          })
          .get("/fails", function* () {
            try {
              return yield* span("failing", function* (): Operation<string> {
                yield* sleep(1);
                throw new HttpError(409, "taken");
              });
            } catch (error) {
              return (error as Error).message;
            }
          }),
      { traces },
    );
    const texts = [];
    for (const path of ["/async", "/operation", "/fails"])
      texts.push(await (await fetch(server.url + path)).text());
    expect(texts).to.deep.equal(["", "inner", "taken"]);
    const all = await spans(8);
    const parents = Object.values(all).map(({ name, parentSpanId }) => [
      name,
      Object.values(all).find(({ spanId }) => spanId === parentSpanId)?.name,
    ]);
    expect(Object.fromEntries(parents)).to.deep.equal({
      "GET /async": undefined,
      "in async": "GET /async",
      "GET /operation": undefined,
      part: "GET /operation",
      library: "part",
      beside: "GET /operation",
      "GET /fails": undefined,
      failing: "GET /fails",
    });
    expect(all["failing"]!.status.code).to.equal(FAILED);
    expect(all["part"]!.kind).to.equal(INTERNAL);
  });

  it("ends the span of a part that is halted with its request", async () => {
    const server = await serveWith(
      (loop) => loop.get("/", () => span("part", waits)),
      { traces },
    );
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    while (server.loop.tasks().exchanges.length === 0) await setImmediate();
    client.abort();
    expect(await spans(2)).to.have.keys("GET /", "part");
  });

  it("goes on behind http() and uwsgi(), and takes the place of what the client has sent", async () => {
    const echo = ({ headers }: GatewayRequest): string =>
      headers.get("traceparent") ?? "none";
    const behind = await serveWith((loop) => loop.mount(echo));
    const { url: front } = await behind.loop.listen({ uwsgi: "127.0.0.1:0" });
    const server = await serveWith(
      (loop) =>
        loop
          .mount("/http", http(behind.url))
          .mount("/uwsgi", uwsgi(front.replace(/^.*\/\//, ""))),
      { traces },
    );
    for (const kind of ["http", "uwsgi"]) {
      received = [];
      const response = await fetch(`${server.url}/${kind}`, {
        headers: FROM_CALLER,
      });
      const seen = await response.text();
      const { GET: call, [`GET /${kind}/*`]: its } = await spans(2);
      expect(call).to.include({ kind: CLIENT, parentSpanId: its!.spanId });
      expect(seen).to.equal(`00-${TRACE}-${call!.spanId}-01`);
      expect(of(call!)).to.include({
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
      });
    }
  });

  it("says of a server behind that cannot be reached that it failed", async () => {
    const server = await serveWith(
      (loop) => loop.mount(http("http://127.0.0.1:1", { retries: 0 })),
      { traces },
    );
    server.expectLog(/127\.0\.0\.1:1/);
    expect((await fetch(server.url)).status).to.equal(502);
    const { GET: call } = await spans(2);
    expect(call!.status.code).to.equal(FAILED);
    expect(of(call!)["error.type"]).to.equal("UpstreamError");
  });

  it("goes on in Python's environ, and covers threads", async function () {
    needsPython(this);
    const folder = folderWith({
      "app.py": `
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ.get("HTTP_TRACEPARENT", "none").encode()]`,
      "threaded.mjs": `
export default (environ, startResponse) => {
  startResponse("200 OK", []);
  return ["threaded"];
};`,
    });
    const server = await serveWith(
      (loop) =>
        loop
          .mount("/python", pythonApp("app:app", { chdir: folder }))
          .mount(
            "/threads",
            wsgi({ module: `${folder}/threaded.mjs`, threads: 1 }),
          ),
      { traces },
    );
    const response = await fetch(`${server.url}/python`, {
      headers: FROM_CALLER,
    });
    const seen = await response.text();
    expect(await (await fetch(`${server.url}/threads`)).text()).to.equal(
      "threaded",
    );
    const all = await spans(4);
    const call = all["python app:app"]!;
    expect(seen).to.equal(`00-${TRACE}-${call.spanId}-01`);
    expect(call.parentSpanId).to.equal(all["GET /python/*"]!.spanId);
    expect(all["thread"]!.parentSpanId).to.equal(all["GET /threads/*"]!.spanId);
  });

  it("begins as many as `ratio` says, and goes on with what others have begun", async () => {
    const server = await serveWith((loop) => loop.get("/", () => ""), {
      traces: openTelemetry({ ratio: 0 }),
    });
    const unwanted = FROM_CALLER.traceparent.replace(/01$/, "00");
    for (const headers of [{}, { traceparent: unwanted }, FROM_CALLER])
      await (await fetch(server.url, { headers })).text();
    expect((await spans(1))["GET /"]!.traceId).to.equal(TRACE);
    expect(() => openTelemetry({ ratio: 2 })).to.throw(UsageError, "ratio");
  });

  it("has its ids in access lines and in request.log", async () => {
    const server = await serveWith(
      (loop) =>
        loop.get("/", ({ log }) => {
          log.info("inside");
          return "";
        }),
      { traces, accessLog: true },
    );
    await (await fetch(server.url, { headers: FROM_CALLER })).text();
    const { "GET /": its } = await spans(1);
    const ids = { traceId: TRACE, spanId: its!.spanId };
    expect(server.accessLines[0]).to.include(ids);
    expect(await server.logged(({ msg }) => msg === "inside")).to.include(ids);
  });
});

describe("openTelemetry() without an SDK", () => {
  it("records nothing, and passes on what the client has sent", async () => {
    const behind = await serveWith((loop) =>
      loop.mount(({ headers }) => headers.get("traceparent") ?? "none"),
    );
    const server = await serveWith((loop) => loop.mount(http(behind.url)), {
      traces: openTelemetry(),
      accessLog: true,
    });
    const response = await fetch(server.url, { headers: FROM_CALLER });
    expect(await response.text()).to.equal(FROM_CALLER.traceparent);
    const line = await server.logged(({ msg }) => msg === "request");
    expect(line).to.not.have.any.keys("traceId", "spanId");
  });
});
