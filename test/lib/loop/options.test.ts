import { expect } from "chai";
import { inspect } from "node:util";
import { Loop, UsageError, type LoopOptions } from "../../../lib/index.ts";
import { settingsFrom } from "../../../lib/loop/options.ts";

const hello = (): string => "hello";

describe("The options of a loop", () => {
  it("have defaults", () => {
    const defaults = {
      engine: "auto",
      accessLog: false,
      requestId: "accept",
      maxHeaderBytes: 16_384,
      inflateBodies: false,
      maxBodyBytes: 1_048_576,
      bodyTimeoutMs: 60_000,
      requestTimeoutMs: Infinity,
      maxConcurrentRequests: 10_000,
      maxConnectionsPerClient: Infinity,
      readinessDelayMs: 0,
      drainTimeoutMs: 30_000,
      stallWarnMs: 500,
      teardownTimeoutMs: 5_000,
      trustProxy: [],
      proxyHeader: "x-forwarded",
      redact: [],
    };
    expect(settingsFrom({})).to.deep.equal(defaults);
  });

  it("replace the defaults", () => {
    const options = {
      engine: "node" as const,
      accessLog: "combined",
      requestId: "echo",
      maxHeaderBytes: 100,
      inflateBodies: true,
      maxBodyBytes: 5,
      bodyTimeoutMs: 6,
      requestTimeoutMs: 7,
      maxConcurrentRequests: 8,
      maxConnectionsPerClient: 4,
      healthCheck: "/healthz",
      readinessDelayMs: 9,
      drainTimeoutMs: 0,
      stallWarnMs: 10,
      teardownTimeoutMs: 1,
      trustProxy: ["loopback"],
      proxyHeader: "forwarded",
      redact: ["x-api-key"],
    } as const;
    expect(settingsFrom({ ...options, log: false })).to.deep.equal(options);
  });

  it("are as if they were not there where they are undefined", () => {
    const options: Record<string, undefined> = {
      log: undefined,
      accessLog: undefined,
      maxBodyBytes: undefined,
      drainTimeoutMs: undefined,
      teardownTimeoutMs: undefined,
      trustProxy: undefined,
    };
    expect(settingsFrom(options as LoopOptions)).to.deep.equal(
      settingsFrom({}),
    );
  });

  it("may be times without an end, which are the longest that a timer takes", () => {
    const { drainTimeoutMs, teardownTimeoutMs } = settingsFrom({
      drainTimeoutMs: Infinity,
      teardownTimeoutMs: Infinity,
    });
    expect(drainTimeoutMs).to.equal(2 ** 31 - 1);
    expect(teardownTimeoutMs).to.equal(2 ** 31 - 1);
  });

  const good: LoopOptions[] = [
    { maxHeaderBytes: 0 },
    { maxHeaderBytes: 16_384 },
    { maxConcurrentRequests: 1 },
    { maxConnectionsPerClient: 1 },
    { maxConcurrentRequests: Infinity },
    { bodyTimeoutMs: Infinity },
    { requestTimeoutMs: Infinity },
    { healthCheck: "/" },
    { maxBodyBytes: 0 },
    { maxBodyBytes: Infinity },
    { drainTimeoutMs: Infinity },
    { stallWarnMs: 0 },
    { stallWarnMs: Infinity },
    { accessLog: true },
    { engine: "auto" },
    { log: false },
    { trustProxy: [] },
    { trustProxy: ["10.0.0.0/8", "::1", "private", "unix"] },
    { proxyHeader: "proxy-v2" },
  ];
  for (const options of good)
    it(`may be ${show(options)}`, () =>
      expect(() => new Loop(options)).not.to.throw());

  const bad: [options: unknown, message: RegExp][] = [
    [8000, /^options are an object with log, engine, accessLog, .*, not 8000$/],
    [null, /^options are an object with log, engine, accessLog, .*, not null$/],
    [
      { maxBodySize: 5 },
      /^there is no option "maxBodySize" here, only log, engine, accessLog, redact, requestId, .*, trustProxy, proxyHeader, topics, traces$/,
    ],
    [{ maxBodyBytes: "5" }, /"maxBodyBytes" takes a number from 0 up, not "5"/],
    [{ maxBodyBytes: -1 }, /"maxBodyBytes" takes a number from 0 up, not -1/],
    [{ maxBodyBytes: NaN }, /"maxBodyBytes" takes .*, not NaN/],
    [{ maxBodyBytes: null }, /"maxBodyBytes" takes .*, not null/],
    [
      { drainTimeoutMs: "1s" },
      /"drainTimeoutMs" takes milliseconds from 0 up, not "1s"/,
    ],
    [{ maxHeaderBytes: 16_385 }, /takes .* 0 to 16384, .*MAX_HEADERS_SIZE/],
    [{ maxHeaderBytes: -1 }, /"maxHeaderBytes" takes .*, not -1/],
    [{ idleTimeoutMs: 0 }, /"idleTimeoutMs" takes .*, not 0/],
    [{ idleTimeoutMs: Infinity }, /"idleTimeoutMs" takes .*, not Infinity/],
    [
      { maxConcurrentRequests: 0 },
      /takes a whole number from 1 up, or Infinity, not 0/,
    ],
    [{ maxConcurrentRequests: 1.5 }, /takes a whole number .*, not 1.5/],
    [{ bodyTimeoutMs: -1 }, /"bodyTimeoutMs" takes .*, not -1/],
    [{ requestTimeoutMs: "1s" }, /"requestTimeoutMs" takes .*, not "1s"/],
    [{ readinessDelayMs: NaN }, /"readinessDelayMs" takes .*, not NaN/],
    [{ healthCheck: "healthz" }, /takes a path such as "\/healthz"/],
    [{ healthCheck: "/:id" }, /takes a path/],
    [{ healthCheck: true }, /takes a path .*, not true/],
    [{ drainTimeoutMs: -1 }, /"drainTimeoutMs" takes .*, not -1/],
    [{ teardownTimeoutMs: -1 }, /"teardownTimeoutMs" takes .*, not -1/],
    [{ teardownTimeoutMs: true }, /"teardownTimeoutMs" takes .*, not true/],
    [
      { accessLog: "common" },
      /"accessLog" takes true, false, "combined" or a function/,
    ],
    [
      { requestId: "uuid" },
      /"requestId" takes "accept", "generate" or "echo", not "uuid"/,
    ],
    [{ engine: "bun" }, /"engine" takes "uws", "node" or "auto", not "bun"/],
    [{ accessLog: 1 }, /"accessLog" takes .*, not 1/],
    [
      { trustProxy: true },
      /"trustProxy" takes a list of addresses, .*, not true/,
    ],
    [{ trustProxy: "10.0.0.1" }, /"trustProxy" takes .*, not "10.0.0.1"/],
    [{ trustProxy: ["::1", "a.example"] }, /takes .*, not ::1,a.example/],
    [{ trustProxy: [5] }, /"trustProxy" takes .*, not 5/],
    [
      { proxyHeader: "Forwarded" },
      /"proxyHeader" takes "x-.*, not "Forwarded"/,
    ],
    [{ redact: "x-api-key" }, /"redact" takes a list of names/],
    [{ redact: [""] }, /"redact" takes a list of names/],
    [{ traces: true }, /"traces" takes openTelemetry\(\) .*, not true/],
    [{ log: true }, /"log" takes a pino logger or false, not true/],
    [{ log: console }, /"log" takes a pino logger or false/],
    [{ log: null }, /"log" takes a pino logger or false, not null/],
  ];
  for (const [options, message] of bad)
    it(`may not be ${show(options)}`, () =>
      expect(() => new Loop(options as LoopOptions)).to.throw(
        UsageError,
        message,
      ));
});

describe("The options of a mount", () => {
  const bad: [options: object, message: RegExp][] = [
    [{ accessLog: true }, /^there is no option "accessLog" here, only max/],
    [{ maxConcurrentRequests: 5 }, /^there is no option "maxConcurrent/],
    [{ requestTimeoutMs: -1 }, /"requestTimeoutMs" takes .*, not -1/],
    [{ maxBodySize: 5 }, /^there is no option "maxBodySize" here/],
    [{ maxBodyBytes: -1 }, /"maxBodyBytes" takes a number from 0 up, not -1/],
    [{ maxBodyBytes: "1mb" }, /"maxBodyBytes" takes .*, not "1mb"/],
  ];
  for (const [options, message] of bad)
    it(`may not be ${show(options)}`, () => {
      const loop = new Loop({ log: false });
      expect(() => loop.mount("/", hello, options)).to.throw(
        UsageError,
        message,
      );
      expect(() => loop.get("/", hello, options)).to.throw(UsageError, message);
      expect(() => loop.any("/", hello, options)).to.throw(UsageError, message);
    });

  it("may be undefined", () => {
    const undefinedLimit: object = { maxBodyBytes: undefined };
    const loop = new Loop({ log: false });
    expect(() => loop.mount("/", hello, undefinedLimit)).not.to.throw();
  });

  for (const application of [undefined, null, "hello", {}, { handle: 1 }])
    it(`do not make an application of ${show({ application })}`, () =>
      expect(() =>
        new Loop({ log: false }).mount("/", application as never),
      ).to.throw(UsageError, /^an application is a function, or an object/));
});

function show(options: unknown): string {
  return inspect(options, { depth: 0, breakLength: Infinity });
}
