/** A light Response beside Node's own: what can be seen of both is the same. */
import { inspect } from "node:util";
import { expect } from "chai";
import { LightResponse } from "../../../adapters/fetch/response.ts";
import { NativeResponse } from "../../../adapters/fetch/platform.ts";

const Light = LightResponse as unknown as typeof Response;

/** Everything that a program can see of one, or what making it throws. */
async function seen(
  make: (Response: typeof globalThis.Response) => Response,
  of: typeof Response,
): Promise<unknown> {
  try {
    const response = make(of);
    const { status, statusText, ok, type, redirected, url, bodyUsed } =
      response;
    const headers = [...response.headers];
    const hasBody = response.body !== null;
    const copy = await response.clone().text();
    const text = await response.text();
    const rest = { type, redirected, url, bodyUsed, hasBody };
    return {
      status,
      statusText,
      ok,
      headers,
      copy,
      text,
      after: response.bodyUsed,
      ...rest,
    };
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

const form = new FormData();

const CASES: [string, (R: typeof Response) => Response][] = [
  ["of nothing", (R) => new R()],
  ["of null", (R) => new R(null, { status: 204, statusText: "None" })],
  ["of an empty text", (R) => new R("")],
  ["of a text", (R) => new R("Zoë")],
  ["of a text with half a character", (R) => new R("a\ud800")],
  [
    "of a text with fields",
    (R) =>
      new R("x", {
        status: 201,
        headers: { "X-A": "1", "content-type": "a/b" },
      }),
  ],
  [
    "with fields that have to be trimmed",
    (R) => new R("x", { headers: { "x-a": " 1\t" } }),
  ],
  ["with a field in latin-1", (R) => new R("x", { headers: { "x-a": "Zoë" } })],
  [
    "with a field that is no text",
    (R) => new R("x", { headers: { "x-a": 5 as unknown as string } }),
  ],
  [
    "with the same field in two cases",
    (R) => new R("x", { headers: { A: "1", a: "2" } }),
  ],
  [
    "with pairs",
    (R) =>
      new R("x", {
        headers: [
          ["set-cookie", "a"],
          ["set-cookie", "b"],
        ],
      }),
  ],
  ["with Headers", (R) => new R("x", { headers: new Headers({ "x-a": "1" }) })],
  [
    "with the head of another",
    (R) => new R("x", new R("y", { status: 404, headers: { "x-a": "1" } })),
  ],
  ["of bytes", (R) => new R(Buffer.from("abc"))],
  [
    "of a part of a buffer",
    (R) => new R(new Uint16Array([0x6161, 0x6262, 0x6363]).subarray(1)),
  ],
  ["of a buffer", (R) => new R(new TextEncoder().encode("abc").buffer)],
  ["of a form", (R) => new R(new URLSearchParams({ a: "b c" }))],
  [
    "of a form with a type of its own",
    (R) =>
      new R(new URLSearchParams({ a: "b" }), {
        headers: { "content-type": "a/b" },
      }),
  ],
  [
    "of a Blob",
    (R) => new R(new Blob(["abc"], { type: "a/b" }), { status: 203 }),
  ],
  [
    "of a stream",
    (R) => new R(new Blob(["abc"]).stream(), { headers: { a: "b" } }),
  ],
  ["of a number", (R) => new R(5 as unknown as string)],
  ["of an object", (R) => new R({} as unknown as string)],
  [
    "whose fields are changed",
    (R) => {
      const it = new R("x", { headers: { a: "b" } });
      it.headers.append("a", "c");
      it.headers.delete("content-type");
      return it;
    },
  ],
  ["json()", (R) => R.json({ a: 1 }, { status: 201 })],
  [
    "json() with a type of its own",
    (R) => R.json([], { headers: { "Content-Type": "a/b" } }),
  ],
  ["json() of nothing", (R) => R.json(undefined)],
  ["redirect()", (R) => R.redirect("http://a.b/c d", 307)],
  [
    "redirect() with a status for something else",
    (R) => R.redirect("http://a.b", 200),
  ],
  ["redirect() to no URL", (R) => R.redirect("/a")],
  ["error()", (R) => R.error()],
  [
    "with a status that is text",
    (R) => new R("", { status: "404" as unknown as number }),
  ],
  ["with a status below 200", (R) => new R("", { status: 101 })],
  ["with a status above 599", (R) => new R("", { status: 600 })],
  ["with no status", (R) => new R("", { status: NaN })],
  ["of a text where there can be none", (R) => new R("", { status: 204 })],
  ["with a status text of two lines", (R) => new R("", { statusText: "a\nb" })],
  ["with a status text in latin-1", (R) => new R("", { statusText: "Zoë" })],
  ["with a name that is none", (R) => new R("", { headers: { "a b": "c" } })],
  ["with a value of two lines", (R) => new R("", { headers: { a: "b\nc" } })],
  [
    "with fields that are none",
    (R) => new R("", { headers: 5 as unknown as Record<string, string> }),
  ],
  [
    "of a stream that is read already",
    (R) => {
      const stream = new Blob(["a"]).stream();
      stream.getReader();
      return new R(stream);
    },
  ],
];

describe("A light Response is as Node's own:", () => {
  for (const [title, make] of CASES)
    it(title, async () => {
      const native = await seen(make, NativeResponse);
      expect(await seen(make, Light)).to.deep.equal(native);
    });

  it("with each of its ways to be read", async () => {
    const make = (): Response => new Light('{"a":1}');
    expect(await make().json()).to.deep.equal({ a: 1 });
    expect((await make().arrayBuffer()).byteLength).to.equal(7);
    expect((await make().blob()).size).to.equal(7);
    expect(
      await new Light(new URLSearchParams("a=b")).formData(),
    ).to.be.instanceOf(FormData);
    form.set("a", "b");
    expect((await new Light(form).formData()).get("a")).to.equal("b");
  });

  it("read once", async () => {
    const response = new Light("x");
    await response.text();
    expect(response.bodyUsed).to.equal(true);
    expect(() => response.clone()).to.throw(TypeError);
    const again = await response.text().catch((error: unknown) => error);
    expect(again).to.be.instanceOf(TypeError);
  });

  it("a clone has fields of its own", () => {
    for (const looked of [true, false]) {
      const response = new Light("x", { headers: { a: "1" } });
      if (looked) void response.headers;
      const copy = response.clone();
      copy.headers.set("a", "2");
      expect(response.headers.get("a")).to.equal("1");
    }
  });

  it("to instanceof, also for what Node makes, and for a subclass", async () => {
    const fetched = await fetch("data:,x");
    expect(fetched).to.be.instanceOf(Light);
    expect(new Light()).to.be.instanceOf(NativeResponse);
    class Own extends Light {}
    expect(new Own()).to.be.instanceOf(Own);
    expect(new Own("x")).to.be.instanceOf(Light);
    expect(new Light()).to.not.be.instanceOf(Own);
    expect(fetched).to.not.be.instanceOf(Own);
    expect({}).to.not.be.instanceOf(Light);
  });

  it("to util.inspect and by its name", () => {
    expect(Light.name).to.equal("Response");
    expect(String(new Light())).to.equal("[object Response]");
    const shown = inspect(new Light("x", { headers: { a: "b" } }));
    expect(shown).to.include("Response {").and.include("status: 200");
  });
});
