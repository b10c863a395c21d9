import { expect } from "chai";
import { json, Loop, type Handler } from "../../../lib/index.ts";
import { etag } from "../../../lib/middleware/index.ts";

async function ask(
  handler: Handler,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<{
  status: number;
  tag: string | null;
  body: string;
  headers: Headers;
}> {
  const loop = new Loop({ log: false }).use(etag()).mount(handler);
  const reply = await loop.fetch("/", { headers, method });
  const body = await reply.text();
  await loop.close();
  return {
    status: reply.status,
    tag: reply.headers.get("etag"),
    body,
    headers: reply.headers,
  };
}

const news: Handler = () =>
  json(["nothing"], { headers: { "cache-control": "max-age=9" } });

describe("etag", () => {
  it("is the same for the same bytes, and another for others", async () => {
    const [a, b, c] = [
      await ask(() => "a"),
      await ask(async () => "a"),
      await ask(() => "b"),
    ];
    expect(a.tag)
      .to.match(/^"[\w-]{27}"$/)
      .and.equal(b.tag);
    expect(c.tag).to.not.equal(a.tag);
    expect((await ask(() => Buffer.from("a"))).tag).to.equal(a.tag);
    expect((await ask(() => "a", {}, "HEAD")).tag).to.equal(a.tag);
  });

  it("answers 304 to who has it, in a list, weakly, or by *", async () => {
    const { tag } = await ask(news);
    for (const given of [tag!, `W/${tag}`, `"x", ${tag}`, "*"]) {
      const reply = await ask(news, { "if-none-match": given });
      expect([reply.status, reply.body, reply.tag], given).to.deep.equal([
        304,
        "",
        tag,
      ]);
      expect(reply.headers.get("cache-control")).to.equal("max-age=9");
      expect(reply.headers.get("content-type")).to.equal(null);
    }
    for (const given of ['"x"', tag!.slice(1, -1), ""])
      expect(
        (await ask(news, { "if-none-match": given })).status,
        given,
      ).to.equal(200);
  });

  it("keeps the application's own, also of a stream, which is ended", async () => {
    let ended = false;
    const own: Handler = () => ({
      headers: { ETag: 'W/"7"' },
      body: {
        [Symbol.iterator]: () => ({
          next: () => ({ done: false, value: "a" }),
          return: () => ({ done: (ended = true), value: undefined }),
        }),
      } as Iterable<string>,
    });
    const reply = await ask(own, { "if-none-match": '"7"' });
    expect([reply.status, reply.tag, ended]).to.deep.equal([
      304,
      'W/"7"',
      true,
    ]);
  });

  it("asks for the date where there is no tag to ask for", async () => {
    const dated: Handler = () => ({
      headers: { "last-modified": "Tue, 03 Nov 2026 10:00:00 GMT" },
      body: "a",
    });
    const at = (time: string) => ({ "if-modified-since": time });
    expect(
      (await ask(dated, at("Tue, 03 Nov 2026 10:00:00 GMT"))).status,
    ).to.equal(304);
    expect(
      (await ask(dated, at("Tue, 03 Nov 2026 09:59:59 GMT"))).status,
    ).to.equal(200);
    expect((await ask(dated, at("yesterday"))).status).to.equal(200);
    const both = {
      ...at("Tue, 03 Nov 2026 10:00:00 GMT"),
      "if-none-match": '"x"',
    };
    expect((await ask(dated, both)).status).to.equal(200);
  });

  it("leaves streams, errors, other methods and what is not to be stored", async () => {
    for (const [handler, method] of [
      [() => ({ body: ["a"] }), "GET"],
      [() => ({ status: 404, body: "a" }), "GET"],
      [() => "a", "POST"],
      [() => ({ headers: { "cache-control": "no-store" }, body: "a" }), "GET"],
      [() => null, "GET"],
    ] as [Handler, string][])
      expect((await ask(handler, {}, method)).tag).to.equal(null);
  });
});
