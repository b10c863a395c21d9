/** A web Response as the reply of any handler, whoever has made it. */
import { Readable } from "node:stream";
import { expect } from "chai";
import { Response as UndiciResponse } from "undici";
import type { Handler, Reply } from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";

/** As node-fetch has it: no class of ours, a stream of Node's for a body, `set-cookie` on its own by `raw()` alone. */
function ofNodeFetch(): unknown {
  const fields: Record<string, string[]> = {
    "set-cookie": ["a=1", "b=2"],
    "x-a": ["1"],
  };
  const joined = Object.entries(fields).map(([name, values]) => [
    name,
    values.join(", "),
  ]);
  return new (class Response {
    status = 201;
    statusText = "Made";
    bodyUsed = false;
    url = "";
    body = Readable.from([Buffer.from("a"), Buffer.from("b")]);
    headers = Object.assign(new Map(joined as [string, string][]), {
      raw: () => fields,
    });
  })();
}

/** As a polyfill has it: a stream with a reader and nothing else of ours. */
function ofPonyfill(cancel: () => void): unknown {
  const chunks = [Buffer.from("a"), Buffer.from("b")];
  return new (class PonyfillResponse {
    status = 200;
    statusText = "";
    bodyUsed = false;
    headers = new Map([["x-a", "1"]]);
    body = {
      locked: false,
      getReader: () => ({
        async read() {
          const value = chunks.shift();
          return { done: value === undefined, value };
        },
        cancel: async () => cancel(),
      }),
    };
  })();
}

onEachEngine((engine) => {
  async function get(make: () => unknown, method = "GET"): Promise<Response> {
    const { url } = await engine.serveWith((loop) =>
      loop.mount(make as Handler),
    );
    return await fetch(url, { method });
  }

  async function fields(make: () => unknown): Promise<Record<string, string>> {
    return Object.fromEntries((await get(make)).headers);
  }

  describe("A Response as a reply", () => {
    for (const [title, make, length, text] of [
      ["of a text", () => new Response("Zoë"), "4", "Zoë"],
      ["of bytes", () => new Response(Buffer.from("abc")), "3", "abc"],
      [
        "of a text longer than what is sent at once",
        () => new Response("x".repeat(300_000)),
        "300000",
        "x".repeat(300_000),
      ],
      ["of nothing", () => new Response(null), "0", ""],
      ["of an empty text", () => new Response(""), "0", ""],
      ["of an empty stream", () => new Response(streamOf()), "0", ""],
      [
        "that was cloned",
        () => {
          const it = new Response("cloned");
          void it.clone();
          return it;
        },
        "6",
        "cloned",
      ],
      ["that is a clone", () => new Response("cloned").clone(), "6", "cloned"],
      [
        "that promises a length",
        () =>
          new Response(streamOf("a", "b"), {
            headers: { "content-length": "2" },
          }),
        "2",
        "ab",
      ],
    ] as [string, () => Response, string, string][])
      it(`has a content-length: ${title}`, async () => {
        const response = await get(make);
        expect(response.headers.get("content-length")).to.equal(length);
        expect(await response.text()).to.equal(text);
      });

    it("has none where its body comes bit by bit", async () => {
      const response = await get(() => new Response(streamOf("a", "b")));
      expect(response.headers.has("content-length")).to.equal(false);
      expect(await response.text()).to.equal("ab");
    });

    it("tells HEAD no length that GET would not have", async () => {
      const { headers } = await get(() => new Response(null), "HEAD");
      expect(headers.has("content-length")).to.equal(false);
    });

    it("loses the fields of a connection, and those that Connection names", async () => {
      const headers = {
        connection: "x-a, keep-alive",
        "keep-alive": "timeout=5",
        te: "gzip",
        "transfer-encoding": "chunked",
        upgrade: "h2c",
        "x-a": "1",
        "x-b": "2",
      };
      const sent = await fields(() => new Response("x", { headers }));
      expect(sent).to.include({ "x-b": "2", "content-length": "1" });
      expect(sent).to.not.have.any.keys(
        "x-a",
        "te",
        "transfer-encoding",
        "upgrade",
      );
    });

    it("closes its connection where it asks for that", async () => {
      const headers = { connection: "close" };
      expect(await fields(() => new Response("x", { headers }))).to.include({
        connection: "close",
      });
    });

    it("that was fetched keeps its length and type, and does not close our connection", async () => {
      const upstream = await engine.serveWith((loop) =>
        loop.mount(() => ({
          headers: { connection: "close", "x-a": "1", "content-type": "a/b" },
          body: "abc",
        })),
      );
      const sent = await fields(() => fetch(upstream.url));
      expect(sent).to.include({
        "x-a": "1",
        "content-type": "a/b",
        "content-length": "3",
      });
      expect(sent["connection"]).to.not.equal("close");
    });

    for (const [statusText, phrase] of [
      ["Quite fine", "Quite fine"],
      ["Zoë", "OK"],
      ["", "OK"],
    ] as const)
      it(`with the reason phrase "${statusText}" is sent with "${phrase}"`, async () => {
        expect(
          (await get(() => new Response("x", { statusText }))).statusText,
        ).to.equal(phrase);
      });

    it("may be of another package, as of node-fetch", async () => {
      const response = await get(ofNodeFetch);
      expect([response.status, response.statusText]).to.deep.equal([
        201,
        "Made",
      ]);
      expect(response.headers.getSetCookie()).to.deep.equal(["a=1", "b=2"]);
      expect(response.headers.get("x-a")).to.equal("1");
      expect(await response.text()).to.equal("ab");
    });

    it("may be that of undici's package", async () => {
      const made = new UndiciResponse("Zoë", { headers: { "x-a": "1" } });
      const response = await get(() => made);
      const { headers } = response;
      expect([
        await response.text(),
        headers.get("x-a"),
        headers.get("content-length"),
      ]).to.deep.equal(["Zoë", "1", "4"]);
    });

    it("may have a stream of another package, which is cancelled when nobody wants it", async () => {
      const response = await get(() => ofPonyfill(() => {}));
      expect([
        await response.text(),
        response.headers.get("x-a"),
      ]).to.deep.equal(["ab", "1"]);
      let cancelled = false;
      await get(() => ofPonyfill(() => (cancelled = true)), "HEAD");
      expect(cancelled).to.equal(true);
    });

    it("fails with its body: before anything was sent it is a 500", async () => {
      const server = await engine.serveWith((loop) =>
        loop.mount(
          (): Reply =>
            new Response(
              new ReadableStream({
                pull: () => {
                  throw new Error("on purpose");
                },
              }),
            ),
        ),
      );
      server.expectLog(/on purpose/);
      expect((await fetch(server.url)).status).to.equal(500);
    });
  });
});

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await new Promise(setImmediate);
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(Buffer.from(chunk));
    },
  });
}
