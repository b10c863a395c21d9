import { expect } from "chai";
import { sleep } from "effection";
import * as v from "valibot";
import { z } from "zod";
import { HttpError, json, Loop, UsageError } from "../../../lib/index.ts";
import { validate, type Schemas } from "../../../lib/middleware/index.ts";

const libraries: Record<string, Required<Schemas>> = {
  zod: {
    body: z.object({ items: z.array(z.object({ count: z.number().min(1) })) }),
    query: z.object({
      page: z.coerce.number().default(1),
      tag: z.union([z.string(), z.array(z.string())]).optional(),
    }),
    params: z.object({ id: z.coerce.number() }),
  },
  valibot: {
    body: v.object({
      items: v.array(v.object({ count: v.pipe(v.number(), v.minValue(1)) })),
    }),
    query: v.object({
      page: v.optional(v.pipe(v.string(), v.transform(Number)), "1"),
      tag: v.optional(v.union([v.string(), v.array(v.string())])),
    }),
    params: v.object({
      id: v.pipe(v.string(), v.transform(Number), v.number()),
    }),
  },
};

const JSON_TYPE = { "content-type": "application/json" };

for (const [library, schemas] of Object.entries(libraries))
  describe(`validate with ${library}`, () => {
    const loop = new Loop({ log: false }).post(
      "/orders/:id",
      validate(schemas, (valid) => json(valid)),
    );
    const post = async (
      path: string,
      body: string,
      headers: Record<string, string> = JSON_TYPE,
    ) => {
      const reply = await loop.fetch(path, { method: "POST", body, headers });
      return [
        reply.status,
        await reply
          .text()
          .then((text) => (text.startsWith("{") ? JSON.parse(text) : text)),
      ];
    };
    after(() => loop.close());

    it("gives the handler what the schemas make of the request", async () => {
      expect(
        await post("/orders/7?page=2&tag=a&tag=b", '{"items":[{"count":1}]}'),
      ).to.deep.equal([
        200,
        {
          body: { items: [{ count: 1 }] },
          query: { page: 2, tag: ["a", "b"] },
          params: { id: 7 },
        },
      ]);
      const [, { query }] = await post("/orders/7?tag=a", '{"items":[]}');
      expect(query).to.deep.equal({ page: 1, tag: "a" });
    });

    it("answers 422 with every fault, and where it is", async () => {
      const [status, { error, faults }] = await post(
        "/orders/x",
        '{"items":[{"count":1},{"count":0}]}',
      );
      expect([status, error]).to.deep.equal([422, "the request is not valid"]);
      expect(
        faults.map((it: any) => [it.in, it.path, typeof it.message]),
      ).to.have.deep.members([
        ["params", "id", "string"],
        ["body", "items.1.count", "string"],
      ]);
    });

    it("leaves bodies that are none to the errors that they have", async () => {
      expect((await post("/orders/7", "{"))[0]).to.equal(400);
      expect(
        (await post("/orders/7", "a", { "content-type": "text/plain" }))[0],
      ).to.equal(415);
      expect((await post("/orders/7", `"${"x".repeat(2 ** 20)}"`))[0]).to.equal(
        413,
      );
    });
  });

describe("validate", () => {
  it("has the types of the schemas", async () => {
    const loop = new Loop({ log: false }).post(
      "/:id",
      validate(
        {
          params: z.object({ id: z.coerce.number() }),
          body: z.object({ name: z.string() }),
        },
        ({ params, body, ...rest }, request) => {
          const sum: number = params.id + body.name.length;
          // @ts-expect-error: there is no schema for it
          void rest.query;
          return `${request.method} ${sum}`;
        },
      ),
    );
    const reply = await loop.fetch("/7", {
      method: "POST",
      body: '{"name":"ada"}',
      headers: JSON_TYPE,
    });
    expect(await reply.text()).to.equal("POST 10");
    await loop.close();
  });

  it("takes forms, and handlers of every kind, with their errors", async () => {
    const schemas = { body: z.object({ name: z.string() }) };
    const loop = new Loop({ log: false })
      .post(
        "/plain",
        validate(schemas, ({ body }) => body.name),
      )
      .post(
        "/async",
        validate(schemas, async ({ body }) => body.name),
      )
      .post(
        "/operation",
        validate(schemas, function* ({ body }) {
          yield* sleep(1);
          return body.name;
        }),
      )
      .post(
        "/error",
        validate(schemas, function* () {
          yield* sleep(1);
          throw new HttpError(409, "taken");
        }),
      );
    const post = async (path: string, body: BodyInit) => {
      const reply = await loop.fetch(path, { method: "POST", body });
      return `${reply.status} ${(await reply.text()).trim()}`;
    };
    const form = new FormData();
    form.set("name", "ada");
    for (const path of ["/plain", "/async", "/operation"]) {
      expect(await post(path, form)).to.equal("200 ada");
      expect(await post(path, new URLSearchParams({ name: "ada" }))).to.equal(
        "200 ada",
      );
    }
    expect(await post("/error", form)).to.equal("409 taken");
    await loop.close();
  });

  it("makes no prototype of a field's name", async () => {
    let seen: any;
    const any = {
      "~standard": {
        version: 1,
        vendor: "t",
        validate: (value: unknown) => ({ value }),
      },
    } as const;
    const loop = new Loop({ log: false }).get(
      "/",
      validate({ query: any }, ({ query }) => void (seen = query)),
    );
    await loop.fetch("/?__proto__=x&constructor=y");
    expect(Object.getPrototypeOf(seen)).to.equal(Object.prototype);
    expect(Object.entries(seen)).to.deep.equal([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    await loop.close();
  });

  it("refuses what is no schema", () => {
    expect(() => validate({ body: {} } as never, () => "")).to.throw(
      UsageError,
      "body",
    );
    expect(() =>
      validate({ cookies: z.object({}) } as never, () => ""),
    ).to.throw(UsageError, "cookies");
    expect(() => validate({}, undefined as never)).to.throw(
      UsageError,
      "handler",
    );
  });
});
