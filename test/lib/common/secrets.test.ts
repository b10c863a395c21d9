/** What no log shows, wherever it stands in what is logged. */
import { expect } from "chai";
import { pino } from "pino";
import { createLog, type Logger } from "../../../lib/common/log.ts";
import { Secrets } from "../../../lib/common/secrets.ts";
import { Loop } from "../../../lib/index.ts";
import { ROOT } from "../../support/root.ts";
import { spawnSync } from "node:child_process";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { serveWith } from "../../support/server.ts";

/** A log of every kind, and its text. */
const LOGS: Record<string, () => [Logger, () => string]> = {
  "pino's": () => logTo({}),
  "one that redacts by itself": () => logTo({ redact: ["*.other"] }),
  "one with serializers": () =>
    logTo({
      serializers: { of: (of: object) => of, err: pino.stdSerializers.err },
    }),
};

function logTo(options: object): [Logger, () => string] {
  let text = "";
  const write = (line: string): void => void (text += line);
  return [createLog(pino(options, { write })), () => text];
}

class AuthorizedError extends Error {
  /** As HTTP clients throw it. */
  constructor() {
    super("Request failed with status code 500");
    Object.assign(this, {
      config: { headers: new Fields(), url: "/" },
      request: {
        _header: "GET / HTTP/1.1\r\nHost: x\r\nCookie: s3cret\r\n\r\n",
      },
      response: { headers: { "Set-Cookie": ["s3cret"] }, status: 500 },
    });
  }
}

/** Header fields that say themselves what is written of them. */
class Fields {
  Authorization = "s3cret";
  readonly #hidden = { Cookie: "s3cret" };
  toJSON(): object {
    return { ...this, ...this.#hidden };
  }
}

const request = { headers: { Authorization: "s3cret" } };

const LOGGED: Record<string, object> = {
  "a field": { authorization: "s3cret", COOKIE: "s3cret" },
  headers: { headers: { "proxy-authorization": "s3cret" } },
  "headers, at some depth": {
    a: { b: [{ c: { d: { e: { Cookie: "s3cret" } } } }] },
  },
  pairs: {
    headers: [
      ["accept", "x"],
      ["Authorization", "s3cret"],
    ],
  },
  "a list of names and values": { raw: ["Host", "x", "cookie", "s3cret"] },
  "names and values as objects": {
    list: [{ name: "Cookie", value: "s3cret" }],
  },
  "an environ": {
    environ: { HTTP_COOKIE: "s3cret", HTTP_AUTHORIZATION: "s3cret" },
  },
  text: { head: "GET / HTTP/1.1\r\nauthorization: Basic s3cret\r\nhost: x" },
  "what toJSON makes": { of: new Fields() },
  "the error of an HTTP client": { err: new AuthorizedError() },
  "such an error, under another name": { failure: new AuthorizedError() },
  "the cause of an error": {
    err: new Error("x", { cause: new AuthorizedError() }),
  },
  "errors together": { err: new AggregateError([new AuthorizedError()], "x") },
  "a frozen error": { err: Object.freeze(new AuthorizedError()) },
  "an error that cannot be written as it is": {
    err: Object.defineProperty(new AuthorizedError(), "detail", {
      enumerable: true,
      get: () => {
        throw new Error("refused");
      },
    }),
  },
  "a ring": (() => {
    const ring: Record<string, unknown> = { request };
    return (ring.of = ring);
  })(),
};

describe("No log shows the secret in", () => {
  for (const [kind, make] of Object.entries(LOGS))
    for (const [what, logged] of Object.entries(LOGGED))
      it(`${what}: ${kind}`, () => {
        const [log, text] = make();
        log.error(logged, "said");
        log.child(logged).error("said");
        if ("err" in logged) log.error(logged.err);
        expect(text()).not.to.include("s3cret");
        expect(text().match(/"msg":"said"/g)).to.have.length(2);
      });

  it("a message, or what is put into one", () => {
    const [log, text] = LOGS["pino's"]!();
    log.error("Cookie: s3cret");
    log.error("%j", { authorization: "s3cret" });
    expect(text().match(/\[redacted\]/g)).to.have.length(2);
    expect(text()).not.to.include("s3cret");
  });

  it("an error of node:http's client", async () => {
    const server = await serveWith((loop) => loop.mount(() => ""));
    const [log, text] = LOGS["pino's"]!();
    const headers = { authorization: "s3cret", cookie: "s3cret" };
    const asked = httpRequest(server.url, { headers });
    const response = await new Promise<IncomingMessage>((resolve) =>
      asked.on("response", resolve).end(),
    );
    log.error({
      err: Object.assign(new Error("x"), { request: asked, response }),
    });
    log.error({ response });
    response.resume();
    expect(text()).not.to.include("s3cret");
  });
});

describe("What is redacted", () => {
  it("leaves what was logged as it is", () => {
    const given = { of: { cookie: "s3cret", list: [["cookie", "s3cret"]] } };
    const before = structuredClone(given);
    new Secrets().redact(given);
    expect(given).to.deep.equal(before);
  });

  it("is what it was where there is no secret in it", () => {
    const given = {
      of: [new Error("x"), new Date(), { url: new URL("http://x") }],
    };
    expect(new Secrets().redact(given)).to.equal(given);
  });

  it("keeps its class, and rings", () => {
    const error = new AuthorizedError();
    Object.assign(error, { self: error });
    const copy = new Secrets().redact(error) as AuthorizedError & {
      self: unknown;
    };
    expect(copy).to.be.instanceOf(AuthorizedError).and.not.equal(error);
    expect(copy.self).to.equal(copy);
    expect(copy.stack).to.equal(error.stack);
  });

  it("has the names of the option redact, too", async () => {
    let text = "";
    const write = (line: string): void => void (text += line);
    const loop = new Loop({ log: pino({}, { write }), redact: ["x-Api-Key"] });
    loop.log.info({ headers: { "X-API-KEY": "s3cret", cookie: "s3cret" } });
    expect(text).to.match(/"X-API-KEY":"\[redacted\]","cookie":"\[redacted\]"/);
    await loop.close();
  });

  it("is so in a program of its own", () => {
    const program = `
      import { Loop } from ${JSON.stringify(`${ROOT}dist/lib/index.js`)};
      new Loop().log.info({ request: { headers: { Cookie: "s3cret" } } });`;
    const { stdout } = spawnSync(
      process.execPath,
      ["--input-type=module", "-e", program],
      { encoding: "utf8" },
    );
    expect(stdout).to.include('"Cookie":"[redacted]"');
  });
});
