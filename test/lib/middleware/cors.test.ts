import { expect } from "chai";
import { HttpError, json, Loop, UsageError } from "../../../lib/index.ts";
import { cors, type CorsOptions } from "../../../lib/middleware/index.ts";

const ORIGIN = "https://app.example.org";

/** The fields that CORS is about, and the status. */
async function ask(
  options: CorsOptions | undefined,
  headers: Record<string, string>,
  method = "GET",
  path = "/",
): Promise<Record<string, unknown>> {
  const loop = new Loop({ log: false })
    .use(cors(options))
    .get("/", () => json({}, { headers: { vary: "accept" } }))
    .get("/error", () => {
      throw new HttpError(409, "taken");
    });
  const reply = await loop.fetch(path, { method, headers });
  await reply.text();
  await loop.close();
  const its = [...reply.headers].filter(([name]) =>
    /^(vary|access-)/.test(name),
  );
  return { status: reply.status, ...Object.fromEntries(its) };
}

const preflight = (origin: string) => ({
  origin,
  "access-control-request-method": "PUT",
});

describe("cors", () => {
  it("lets nobody in by default", async () => {
    expect(await ask(undefined, { origin: ORIGIN })).to.deep.equal({
      status: 200,
      vary: "accept, origin",
    });
    expect(await ask({}, preflight(ORIGIN), "OPTIONS")).to.deep.equal({
      status: 204,
      vary: "origin",
    });
  });

  it("lets those in that are named, by their whole origin, with what they may read and send", async () => {
    const options = {
      origins: [ORIGIN],
      credentials: true,
      exposed: ["x-total"],
      methods: ["PUT", "DELETE"],
      headers: ["content-type", "x-csrf"],
    };
    expect(await ask(options, { origin: ORIGIN })).to.deep.equal({
      status: 200,
      vary: "accept, origin",
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "x-total",
    });
    expect(await ask(options, preflight(ORIGIN), "OPTIONS")).to.deep.equal({
      status: 204,
      vary: "origin",
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "PUT, DELETE",
      "access-control-allow-headers": "content-type, x-csrf",
      "access-control-max-age": "600",
    });
    for (const origin of [
      `${ORIGIN}.evil.org`,
      "http://app.example.org",
      `${ORIGIN}:8443`,
      "null",
    ])
      expect(await ask(options, { origin }), origin).to.deep.equal({
        status: 200,
        vary: "accept, origin",
      });
  });

  it("lets everybody in by *, without cookies", async () => {
    expect(await ask({ origins: "*" }, { origin: "null" })).to.deep.equal({
      status: 200,
      vary: "accept",
      "access-control-allow-origin": "*",
    });
  });

  it("asks a function", async () => {
    const origins = (origin: string) => origin.endsWith(".example.org");
    const reply = await ask({ origins }, { origin: ORIGIN });
    expect(reply["access-control-allow-origin"]).to.equal(ORIGIN);
  });

  it("lets scripts read errors, those of the gateway among them", async () => {
    for (const [path, status] of [
      ["/error", 409],
      ["/missing", 404],
    ] as const) {
      const reply = await ask(
        { origins: [ORIGIN] },
        { origin: ORIGIN },
        "GET",
        path,
      );
      expect(reply).to.deep.equal({
        status,
        vary: "origin",
        "access-control-allow-origin": ORIGIN,
      });
    }
  });

  it("leaves OPTIONS that is no preflight to the application", async () => {
    const reply = await ask(
      { origins: [ORIGIN] },
      { origin: ORIGIN },
      "OPTIONS",
    );
    expect(reply.status).to.equal(405);
  });

  it("refuses what would let anybody act for a user, and origins that are none", () => {
    expect(() => cors({ origins: "*", credentials: true })).to.throw(
      UsageError,
      "credentials",
    );
    for (const origin of [
      "example.org",
      "https://example.org/",
      "https://EXAMPLE.org",
    ])
      expect(() => cors({ origins: [origin] }), origin).to.throw(
        UsageError,
        "origins",
      );
    expect(() => cors({ origin: "*" } as never)).to.throw(
      UsageError,
      "origins",
    );
  });
});
