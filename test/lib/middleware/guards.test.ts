/** `basicAuth`, `secureHeaders`, `requestTimeout`. */
import { expect } from "chai";
import { sleep, suspend } from "effection";
import { Loop, RequestTimeoutError, UsageError } from "../../../lib/index.ts";
import {
  basicAuth,
  requestTimeout,
  secureHeaders,
} from "../../../lib/middleware/index.ts";
import { onEachEngine } from "../../support/engines.ts";

const basic = (text: string) => ({
  authorization: `Basic ${Buffer.from(text).toString("base64")}`,
});

describe("basicAuth", () => {
  it("lets in who knows a password, and tells who it is", async () => {
    const staff = basicAuth({
      users: { ada: "pass:wörd", bob: "other" },
      realm: 'the "lab"',
    });
    const loop = new Loop({ log: false })
      .use("/lab", staff)
      .mount((request) => staff.userOf(request));
    const statusOf = async (headers: Record<string, string>): Promise<number> =>
      (await loop.fetch("/lab", { headers })).status;
    const reply = await loop.fetch("/lab", { headers: basic("ada:pass:wörd") });
    expect([reply.status, await reply.text()]).to.deep.equal([200, "ada"]);
    for (const wrong of [
      "ada:",
      "ada:other",
      "ada",
      "eve:other",
      ":",
      "__proto__:x",
      "ada:pass:wörd ",
    ])
      expect(await statusOf(basic(wrong)), wrong).to.equal(401);
    for (const authorization of ["Basic", "Basic !", "Bearer YTpi", ""])
      expect(await statusOf({ authorization }), authorization).to.equal(401);
    const refused = await loop.fetch("/lab");
    expect(refused.headers.get("www-authenticate")).to.equal(
      'Basic realm="the \\"lab\\"", charset="UTF-8"',
    );
    expect((await loop.fetch("/%6cab")).status).to.equal(401);
    await loop.close();
  });

  it("asks a function, sync or async; only true lets in", async () => {
    for (const users of [
      (user: string, password: string) => user === "a" && password === "b",
      async (user: string, password: string) =>
        user === "a" && password === "b",
      (() => "yes") as never,
      (async () => 1) as never,
    ]) {
      const loop = new Loop({ log: false })
        .use(basicAuth({ users }))
        .mount(() => "in");
      const statuses = [];
      for (const text of ["a:b", "a:c"])
        statuses.push((await loop.fetch("/", { headers: basic(text) })).status);
      await loop.close();
      expect(statuses).to.deep.equal(
        users.length === 0 ? [401, 401] : [200, 401],
      );
    }
  });

  it("refuses users without a password, and requests that did not pass it", async () => {
    expect(() => basicAuth({ users: { a: "" } })).to.throw(UsageError, "users");
    expect(() => basicAuth({} as never)).to.throw(UsageError, "users");
    const staff = basicAuth({ users: { a: "b" } });
    const loop = new Loop({ log: false }).mount((request) =>
      staff.userOf(request),
    );
    expect((await loop.fetch("/")).status).to.equal(500);
    await loop.close();
  });
});

describe("secureHeaders", () => {
  it("adds what the application has not set, to errors, too; HSTS over HTTPS", async () => {
    const loop = new Loop({ log: false })
      .use(
        secureHeaders({
          "x-frame-options": "DENY",
          "referrer-policy": false,
          "permissions-policy": "camera=()",
        }),
      )
      .get("/", () => ({
        headers: { "X-Frame-Options": "SAMEORIGIN" },
        body: "a",
      }));
    const [plain, secure, missing] = [
      await loop.fetch("http://a/"),
      await loop.fetch("https://a/"),
      await loop.fetch("http://a/missing"),
    ];
    expect(plain.headers.get("x-frame-options")).to.equal("SAMEORIGIN");
    expect(plain.headers.get("x-content-type-options")).to.equal("nosniff");
    expect(plain.headers.get("content-security-policy")).to.include(
      "default-src 'self'",
    );
    expect(plain.headers.get("permissions-policy")).to.equal("camera=()");
    expect(plain.headers.has("referrer-policy")).to.equal(false);
    expect(plain.headers.has("strict-transport-security")).to.equal(false);
    expect(secure.headers.get("strict-transport-security")).to.include(
      "max-age=31536000",
    );
    expect([
      missing.status,
      missing.headers.get("x-frame-options"),
    ]).to.deep.equal([404, "DENY"]);
    await loop.close();
  });

  it("refuses fields that it does not know", () => {
    expect(() => secureHeaders({ "x-xss": "1" } as never)).to.throw(
      UsageError,
      "x-frame-options",
    );
  });
});

onEachEngine((engine) => {
  describe("requestTimeout", () => {
    it("halts what takes too long below its prefix, whatever it is, and tells when", async () => {
      const reasons: unknown[] = [];
      const deadlines: (number | undefined)[] = [];
      let halted = 0;
      const server = await engine.serveWith((loop) =>
        loop
          .use("/slow", requestTimeout(30))
          .use("/slow/later", async (_request, next) => {
            await new Promise((resolve) => setTimeout(resolve, 5));
            return next();
          })
          .use("/slow/later", requestTimeout(20))
          .mount((request) => {
            deadlines.push(request.deadline);
            if (request.path === "/fast") return "fast";
            request.signal.addEventListener("abort", () =>
              reasons.push(request.signal.reason),
            );
            if (request.path === "/slow/promise")
              return new Promise<string>(() => {});
            return (function* () {
              try {
                yield* suspend();
                return "";
              } finally {
                halted++;
              }
            })();
          }),
      );
      server.expectLog(/took too long/);
      const statuses = [];
      for (const path of ["/slow", "/slow/promise", "/slow/later", "/fast"])
        statuses.push((await fetch(server.url + path)).status);
      expect(statuses).to.deep.equal([503, 503, 503, 200]);
      expect(halted).to.equal(2);
      expect(reasons).to.have.length(3);
      expect(reasons.every((it) => it instanceof RequestTimeoutError)).to.equal(
        true,
      );
      expect(deadlines.map((it) => typeof it)).to.deep.equal([
        "number",
        "number",
        "number",
        "undefined",
      ]);
      expect(server.loop.tally.timeout).to.equal(3);
    });

    it("leaves what is quick enough, and what has less already", async () => {
      const server = await engine.serveWith(
        (loop) =>
          loop
            .use(requestTimeout(10_000))
            .get("/quick", function* () {
              yield* sleep(1);
              return "ok";
            })
            .get("/slow", () => suspend() as never),
        { requestTimeoutMs: 20 },
      );
      server.expectLog(/took too long/);
      expect((await fetch(`${server.url}/quick`)).status).to.equal(200);
      expect((await fetch(`${server.url}/slow`)).status).to.equal(503);
    });
  });
});

describe("requestTimeout", () => {
  it("refuses what is no time", () => {
    for (const ms of [0, -1, NaN, Infinity, "5s" as never])
      expect(() => requestTimeout(ms), String(ms)).to.throw(
        UsageError,
        "milliseconds",
      );
  });
});
