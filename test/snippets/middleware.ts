/** The entries of docs/middleware.md. */
import { BROKERS, BrokerServer } from "../support/brokers.ts";
import type { Page } from "./entry.ts";
import { json } from "./others.ts";
import { running, ts, type Program } from "./program.ts";

const SERVE = "await loop.serve(8000);";
const BEFORE = `import { json, Loop, redirect } from "eddy"; const loop = new Loop(); import * as its from "eddy/middleware";
const { basicAuth, compress, cors, etag, rateLimit, requestTimeout, secureHeaders, session, SignedCookies, validate } = its;
const check = async (form: FormData) => String(form.get("user"));
process.env.NEW_SECRET = "a".repeat(32); process.env.OLD_SECRET = "b".repeat(32); process.env.ADA_PASSWORD = "c";`;
const REDIS_CLIENT =
  "const redis = { get: async (key: string) => null, set: async (...all: unknown[]) => {}, del: async (key: string) => {} };";
const [, REDIS] = BROKERS;

/** What comes of the middleware of a block, around these routes. */
const around = (
  routes: string,
  asks: Program["asks"],
  more: Program = {},
): Program => ({
  before: BEFORE,
  after: `${routes}\n${SERVE}`,
  asks: asks!,
  ...more,
});

const form = { "content-type": "application/x-www-form-urlencoded" };

const INVALID = 'POST /shops/1/orders {"item":"tea","count":0}';

export const MIDDLEWARE: Page = [
  ts({
    asks: [
      [
        "GET /api/news",
        {
          text: '["nothing"]',
          headers: {
            etag: /./,
            "x-content-type-options": "nosniff",
            "access-control-allow-origin": "https://app.example.org",
          },
        },
        { origin: "https://app.example.org" },
      ],
    ],
  }),
  ts({
    asks: [
      [
        "GET /inner",
        {
          status: 403,
          text: "no\n",
          headers: { "x-served-by": "a", "server-timing": /^app;dur=\d\d/ },
        },
      ],
      ["GET /inner", 404, { "x-key": "a" }],
    ],
  }),
  ts({
    asks: [["GET /", { status: 404, headers: { "x-served-by": "a" } }]],
  }),
  ts(
    around(
      'loop.get("/", () => "a".repeat(2048)); loop.get("/short", () => "a".repeat(2047));',
      [
        [
          "GET /",
          { headers: { "content-encoding": "br", vary: "accept-encoding" } },
          { "accept-encoding": "gzip, zstd, br" },
        ],
        [
          "GET /",
          { headers: { "content-encoding": "" } },
          { "accept-encoding": "zstd" },
        ],
        [
          "GET /short",
          { headers: { "content-encoding": "", vary: "" } },
          { "accept-encoding": "br" },
        ],
      ],
    ),
  ),
  ts(
    around('loop.get("/*", () => "a");', [
      ["GET /api/a", { text: "a", headers: { etag: /./ } }],
      ["GET /api/a", 304, { "if-none-match": "*" }],
      ["GET /a", { headers: { etag: "" } }],
    ]),
  ),
  ts(
    around('loop.put("/api/a", () => "a");', [
      [
        "OPTIONS /api/a",
        {
          status: 204,
          headers: {
            "access-control-allow-origin": "https://app.example.org",
            "access-control-allow-methods": /PUT/,
            "access-control-allow-headers": "content-type",
            "access-control-allow-credentials": "true",
          },
        },
        {
          origin: "https://app.example.org",
          "access-control-request-method": "PUT",
          "access-control-request-headers": "content-type",
        },
      ],
      [
        "PUT /api/a",
        { text: "a", headers: { "access-control-allow-origin": "" } },
        { origin: "https://evil.example" },
      ],
    ]),
  ),
  ts(
    around('loop.get("/", () => "a");', [
      [
        "GET /",
        {
          headers: {
            "content-security-policy": "default-src 'self'; img-src *",
            "x-frame-options": "",
            "referrer-policy": /./,
          },
        },
      ],
    ]),
  ),
  ts(
    around("", [
      [
        "GET /lab",
        { status: 401, headers: { "www-authenticate": /realm="the lab"/ } },
      ],
      [
        "GET /lab",
        "hello ada\n",
        { authorization: `Basic ${Buffer.from("ada:c").toString("base64")}` },
      ],
    ]),
  ),
  ts({
    before: BEFORE,
    after: `loop.post("/login", () => "in"); ${SERVE} redis.destroy();`,
    missing: () => REDIS!.missing,
    async stage() {
      return { "redis://127.0.0.1": (await BrokerServer.start(REDIS!)).url };
    },
    asks: [
      ...["4", "3", "2", "1", "0"].map(
        (left) =>
          [
            "POST /login",
            { text: "in", headers: { "ratelimit-remaining": left } },
          ] as const,
      ),
      ["POST /login", { status: 429, headers: { "retry-after": /^\d+$/ } }],
    ],
  }),
  ts(
    around('loop.get("/api/a", () => "a");', [["GET /api/a", "a"]], {
      tests: [
        "test/lib/middleware/guards.test.ts: halts what takes too long below its prefix",
      ],
    }),
  ),
  ts(
    around("", [
      [
        "GET /",
        {
          text: "last time: never\n",
          headers: { "set-cookie": /^last=.*HttpOnly; SameSite=Lax/ },
        },
      ],
    ]),
  ),
  ts(
    around(
      `loop.get("/", (request) => cookies.get(request, "a") ?? "none");
         loop.get("/:secret", async (request) => {
           const maker = new SignedCookies({ secret: process.env[request.params.secret]! });
           const [cookie] = maker.set(request, "a", "it").split(";");
           return await loop.fetch("/", { headers: { cookie: cookie! } });
         });`,
      [
        ["GET /NEW_SECRET", "it"],
        ["GET /OLD_SECRET", "it"],
        ["GET /EDDY_SECRET_KEY", "none"],
      ],
    ),
  ),
  ts(
    around("", [
      ["POST /login", 415],
      [
        "POST /login user=ada",
        {
          status: 303,
          headers: { location: "/", "set-cookie": /^session=/ },
        },
        form,
      ],
      ["POST /logout", 303],
    ]),
  ),
  ts(
    around('loop.get("/", () => "a");', [["GET /", "a"]], {
      before: `${BEFORE} ${REDIS_CLIENT}`,
      tests: [
        "test/lib/middleware/session.test.ts: never takes up an id that the store does not have",
      ],
    }),
  ),
  ts(
    around("", [
      ['POST /shops/1/orders {"item":"tea","count":2}', '{"count":2,"page":1}'],
      [INVALID, 422],
    ]),
  ),
  json(async ({ other }) => {
    let reply: unknown;
    await running(other(15), async ({ loop }) => {
      const [, path, body] = INVALID.split(" ");
      reply = await (
        await loop!.fetch(path!, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: body!,
        })
      ).json();
    });
    return reply;
  }),
];
