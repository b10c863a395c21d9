import { expect } from "chai";
import { sleep } from "effection";
import { readFileSync } from "node:fs";
import * as errors from "../../../lib/common/errors.ts";
import type { Handler } from "../../../lib/index.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";

const { BadRequestError, HttpError, UsageError, errorTable } = errors;

/** One of each. */
const EACH: errors.GatewayError[] = [
  new errors.BadRequestError("x"),
  new errors.MalformedRequestError("x"),
  new errors.NotFoundError(),
  new errors.MethodNotAllowedError(["GET"]),
  new errors.UpgradeRequiredError(),
  new errors.OriginError(),
  new errors.BodyTimeoutError(5),
  new errors.BodyTooLargeError(5),
  new errors.BodyStorageError("/tmp", new Error("x")),
  new errors.UnsupportedMediaTypeError("a/b", "c/d"),
  new errors.HeadersTooLargeError(5),
  new errors.ClientAbortedError(),
  new errors.HttpError(500, "x"),
  new errors.BodyUsedError(),
  new errors.InvalidReplyError("x"),
  new errors.WsgiError("x"),
  new errors.ThreadStartError("x"),
  new errors.ThreadLostError("x"),
  new errors.ThreadTimeoutError(5),
  new errors.ThreadsBusyError(5),
  new errors.PythonError("Traceback:\nx"),
  new errors.PythonStartError("x"),
  new errors.PythonLostError("x"),
  new errors.PythonTimeoutError(5),
  new errors.UpstreamError("x"),
  new errors.UpstreamTimeoutError("x", 5),
  new errors.BrokerError("nats at shop:4222", "is not connected"),
  new errors.UsageError("x"),
  new errors.ClientBusyError("192.0.2.1", 2),
  new errors.SocketClosedError({ code: 1000, reason: "" }),
  new errors.OverloadedError(),
  new errors.RequestTimeoutError(),
  new errors.DrainedError(),
  new errors.HaltedError(),
  new errors.ListenError("x"),
  new errors.EngineError("x"),
];

/** Every way in which a handler can fail. */
const THROWERS: Record<string, (error: unknown) => Handler> = {
  "a plain handler": (error) => () => {
    throw error;
  },
  "an async handler": (error) => async () => {
    throw error;
  },
  "an operation": (error) =>
    function* () {
      yield* sleep(0);
      throw error;
    },
};

const GENERIC = "something went wrong here\n";

describe("The table of errors", () => {
  it("is the one in docs/errors.md", () => {
    const row = /^\| `(\w+)` +\| `(\w+)` +\| (\d+) +\| (\w+) +\| \S/gm;
    const rows = readFileSync("docs/errors.md", "utf8").matchAll(row);
    const listed = [...rows].map((match) => match.slice(1));
    expect(listed).to.deep.equal(
      EACH.map(({ code, name, status, fault }) => [
        code,
        name,
        String(status),
        fault,
      ]),
    );
    expect(listed.map(([code]) => code)).to.deep.equal(Object.keys(errorTable));
  });

  for (const error of EACH)
    it(`has ${error.code}`, () => {
      expect(error).to.be.instanceOf(Error).and.instanceOf(errors.GatewayError);
      const { stackless, ...its }: errors.Entry = errorTable[error.code];
      expect(error).to.include(its);
      const isStackless = !error.stack!.includes("\n");
      expect(isStackless).to.equal(stackless ?? false);
      expect(error.name).to.match(/^[A-Z][A-Za-z]+Error$/);
      expect(errors).to.have.property(error.name, error.constructor);
    });

  it("names a class that is derived from one of them", () => {
    class LateError extends errors.UpstreamTimeoutError {}
    const error = new LateError("shop", 5);
    expect(error).to.be.instanceOf(errors.UpstreamTimeoutError);
    expect(error).to.include({
      name: "LateError",
      code: "EDDY_UPSTREAM_TIMEOUT",
      message: "shop was silent for 5 ms (timeoutMs)",
    });
  });

  it("closes the connection where the next request cannot be told from this one, and says when to come again", () => {
    const codesOf = (some: errors.GatewayError[]): string[] =>
      some.map(({ code }) => code);
    expect(
      codesOf(EACH.filter((error) => error.closesConnection)),
    ).to.deep.equal([
      "EDDY_MALFORMED_REQUEST",
      "EDDY_BODY_TIMEOUT",
      "EDDY_BODY_TOO_LARGE",
      "EDDY_BODY_STORAGE",
      "EDDY_HEADERS_TOO_LARGE",
    ]);
    expect(
      codesOf(EACH.filter(({ headers }) => headers["retry-after"] === "1")),
    ).to.deep.equal([
      "EDDY_THREADS_BUSY",
      "EDDY_BROKER",
      "EDDY_CLIENT_BUSY",
      "EDDY_OVERLOADED",
    ]);
  });

  it("lets a client read only what is its own fault, and an HttpError", () => {
    const readable = EACH.filter(
      ({ clientMessage }) => clientMessage !== undefined,
    );
    expect(readable.map(({ code }) => code)).to.deep.equal(
      EACH.filter(
        ({ code, fault }) => fault === "client" || code === "EDDY_HTTP",
      ).map(({ code }) => code),
    );
    for (const error of readable)
      expect(error.clientMessage).to.equal(error.message);
  });
});

describe("An HttpError", () => {
  for (const status of [399, 600, 200, 0, -400, 400.5, NaN, Infinity, "404"])
    it(`cannot have the status ${JSON.stringify(status)} (${status})`, () => {
      expect(() => new HttpError(status as number, "x")).to.throw(
        UsageError,
        /^HttpError takes a status from 400 to 599, not /,
      );
    });

  const cases: [
    status: number,
    fault: string,
    cause: Error | undefined,
    level: number | undefined,
  ][] = [
    [400, "client", undefined, undefined],
    [418, "client", new Error("secret"), 30],
    [499, "client", undefined, undefined],
    [500, "app", undefined, 50],
    [599, "app", new Error("secret"), 50],
  ];
  for (const [status, fault, cause, level] of cases)
    for (const [where, thrower] of Object.entries(THROWERS))
      it(`of ${status} ${cause ? "with a cause " : ""}answers the client, from ${where}`, async () => {
        const headers = { "x-kind": "teapot", "retry-after": "5" };
        const error = new HttpError(status, "short & stout", {
          headers,
          cause,
        });
        expect(error).to.include({ status, fault, code: "EDDY_HTTP", cause });
        const server = await serveWith((loop) => loop.mount(thrower(error)));
        server.expectLog(/^GET \/ failed short & stout/);
        const response = await fetch(server.url);
        expect(response.status).to.equal(status);
        expect(await response.text()).to.equal("short & stout\n");
        expect(response.headers.get("x-kind")).to.equal("teapot");
        expect(response.headers.get("retry-after")).to.equal("5");
        expect(response.headers.get("content-type")).to.match(/^text\/plain/);
        const [line, ...more] = server.log.filter(({ err }) => err);
        expect(more).to.deep.equal([]);
        expect(line?.level).to.equal(level);
        expect(line?.err?.stack ?? "").to.include(
          cause ? "caused by: Error: secret" : "",
        );
      });

  for (const [where, thrower] of Object.entries(THROWERS))
    it(`with a header that cannot be sent is a 500, from ${where}`, async () => {
      const headers = { "x-kind": "a\r\nset-cookie: b" };
      const error = new HttpError(404, "secret", { headers });
      const server = await serveWith((loop) => loop.mount(thrower(error)), {
        drainTimeoutMs: 500,
      });
      server.expectLog(/failed|halted/);
      const response = await fetch(server.url);
      expect(response.status).to.equal(500);
      expect(await response.text()).to.equal(GENERIC);
      expect(response.headers.has("set-cookie")).to.equal(false);
      const line = await server.logged(
        ({ err }) => err?.type === "InvalidReplyError",
      );
      expect(line.err?.message).to.match(/^header x-kind: /);
    });
});

describe("An error that is not for the client", () => {
  const internal: [title: string, error: unknown][] = [
    [
      "an Error",
      new TypeError("secret of mine", { cause: new Error("secret") }),
    ],
    [
      "an Error with a status",
      Object.assign(new Error("secret"), {
        status: 404,
        clientMessage: "secret",
        headers: { "x-secret": "secret" },
      }),
    ],
    ["a string", "secret"],
    ["undefined", undefined],
    ["null", null],
    ["an object", { message: "secret" }],
    ["a UsageError", new UsageError("secret")],
    ["an InvalidReplyError", new errors.InvalidReplyError("secret")],
    ["a ListenError", new errors.ListenError("secret")],
  ];
  for (const [title, error] of internal)
    for (const [where, thrower] of Object.entries(THROWERS))
      it(`keeps everything from it: ${title}, from ${where}`, async () => {
        const server = await serveWith((loop) => loop.mount(thrower(error)));
        server.expectLog(/^GET \/ failed/);
        const client = await RawClient.connect(server.port);
        client.request("GET /");
        await client.until(/\r\n\r\nsomething went wrong here\n$/);
        client.abort();
        expect(client.received).to.match(
          /^HTTP\/1.1 500 Internal Server Error\r\n/,
        );
        expect(client.received).not.to.match(
          /secret|Error:|\.ts|\.js\b|requestId/,
        );
        const line = await server.logged(({ level }) => level === 50);
        if (error instanceof Error)
          expect(line.err?.message).to.include("secret");
        expect(line["requestId"]).to.be.a("string");
      });

  it("leaves the cause of a client's error in the log", async () => {
    const error = new BadRequestError("not like this", {
      cause: new Error("secret"),
    });
    const server = await serveWith((loop) =>
      loop.mount(THROWERS["an async handler"]!(error)),
    );
    const response = await fetch(server.url);
    expect([response.status, await response.text()]).to.deep.equal([
      400,
      "not like this\n",
    ]);
    const line = await server.logged(({ msg }) => msg === "GET / refused");
    expect(line.err?.stack).to.include("secret");
  });
});
