/** A light Request, within an application, and given to Node's own functions. */
import { inspect } from "node:util";
import { expect } from "chai";
import { fetch as adapt, type FetchHandler } from "../../../adapters/fetch.ts";
import { serveWith } from "../../support/server.ts";

/** What the application says of a POST of `body`, in either way to have it. */
async function posted(
  app: (request: Request) => unknown,
  lightResponse: boolean,
  body: BodyInit | null = "Zoë",
): Promise<unknown> {
  const handler: FetchHandler = async (request) => {
    try {
      return Response.json((await app(request)) ?? null);
    } catch (error) {
      return Response.json((error as Error).constructor.name);
    }
  };
  const { url } = await serveWith((loop) =>
    loop.mount(adapt(handler, { lightResponse })),
  );
  const headers = { "x-a": "1", "content-type": "text/plain; charset=utf-8" };
  const init =
    body instanceof FormData || body instanceof URLSearchParams
      ? {}
      : { headers };
  const reply = await fetch(`${url}/a?b`, { method: "POST", body, ...init });
  return await reply.json();
}

const form = new URLSearchParams({ a: "b" });
const multipart = new FormData();
multipart.set("a", new File(["c"], "d"));

const chunksOf = async (
  body: ReadableStream<Uint8Array> | null,
): Promise<string> => {
  const chunks = [];
  for await (const chunk of body!) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

const CASES: [string, unknown, (request: Request) => unknown, BodyInit?][] = [
  ["is read as text", "Zoë", (it) => it.text()],
  ["is read without a byte order mark", "a", (it) => it.text(), "\ufeffa"],
  ["is read as JSON", { a: 1 }, (it) => it.json(), '{"a":1}'],
  ["is read as JSON that is none", "SyntaxError", (it) => it.json(), "{"],
  ["is read as a buffer", 4, async (it) => (await it.arrayBuffer()).byteLength],
  [
    "is read as a Blob",
    [4, "text/plain"],
    async (it) => {
      const { size, type } = await it.blob();
      return [size, type.split(";")[0]];
    },
  ],
  [
    "is read as a form",
    "b",
    async (it) => (await it.formData()).get("a"),
    form,
  ],
  [
    "is read as a form with a file",
    "d",
    async (it) => ((await it.formData()).get("a") as File).name,
    multipart,
  ],
  ["is read as a stream", "Zoë", (it) => chunksOf(it.body)],
  [
    "is read once",
    "TypeError",
    async (it) => {
      await it.text();
      await it.text();
    },
  ],
  [
    "is read once, also as a stream",
    "TypeError",
    async (it) => {
      await chunksOf(it.body);
      await it.text();
    },
  ],
  [
    "is not read while somebody has its stream",
    "TypeError",
    async (it) => {
      it.body!.getReader();
      await it.text();
    },
  ],
  [
    "is read although its stream was looked at",
    "Zoë",
    async (it) => {
      void it.body;
      return it.text();
    },
  ],
  [
    "says that it was read",
    [false, true],
    async (it) => {
      const before = it.bodyUsed;
      await it.text();
      return [before, it.bodyUsed];
    },
  ],
  [
    "is cloned, and read twice",
    "ZoëZoë",
    async (it) => {
      const copy = it.clone();
      return (await it.text()) + (await copy.text());
    },
  ],
  [
    "is what new Request() is made of",
    ["POST", "1", "Zoë"],
    async (it) => {
      const copy = new Request(it);
      return [copy.method, copy.headers.get("x-a"), await copy.text()];
    },
  ],
  [
    "is what new Request() takes its options of",
    ["POST", "1", "Zoë"],
    async (it) => {
      const copy = new Request("http://a/", it);
      return [copy.method, copy.headers.get("x-a"), await copy.text()];
    },
  ],
  [
    "has fields for new Headers()",
    "1",
    (it) => new Headers(it.headers).get("x-a"),
  ],
  [
    "has fields to ask",
    ["1", null, true, false],
    ({ headers: it }) => [
      it.get("X-A"),
      it.get("b"),
      it.has("x-a"),
      it.has("b"),
    ],
  ],
  [
    "has fields to list",
    "1",
    ({ headers }) => {
      const all: Record<string, string> = {};
      headers.forEach((value, name) => (all[name] = value));
      return {
        ...all,
        ...Object.fromEntries(headers),
        ...Object.fromEntries(headers.entries()),
      }["x-a"];
    },
  ],
  [
    "has fields to change",
    [null, "1, 2", "3"],
    ({ headers: it }) => {
      it.append("x-a", "2");
      const both = it.get("x-a");
      it.set("x-b", "3");
      it.delete("content-type");
      return [it.get("content-type"), both, it.get("x-b")];
    },
  ],
  [
    "has no fields whose names are none",
    "TypeError",
    ({ headers }) => headers.get("a b"),
  ],
  [
    "is all that a Request is",
    [true, true, "[object Request]", "follow", "about:client", "half"],
    (it) => [
      it instanceof Request,
      it.headers instanceof Headers,
      String(it),
      it.redirect,
      it.referrer,
      (it as { duplex?: string }).duplex,
    ],
  ],
  [
    "is shown by util.inspect",
    true,
    (it) =>
      /Request \{[^]*method: 'POST'[^]*'x-a'/.test(inspect(it, { depth: 5 })) &&
      /'x-a'/.test(inspect(it.headers)),
  ],
  ["fires no signal", false, (it) => it.signal.aborted],
];

for (const lightResponse of [true, false])
  describe(`A Request, lightResponse ${lightResponse},`, () => {
    for (const [title, expected, app, body] of CASES)
      it(title, async () => {
        expect(await posted(app, lightResponse, body)).to.deep.equal(expected);
      });

    it("is sent on by fetch(), with its body", async () => {
      const upstream = await serveWith((loop) =>
        loop.post(
          "/a",
          async (request) =>
            `${request.headers.get("x-a")} ${request.queryString} ${await request.text()}`,
        ),
      );
      const forward = async (it: Request): Promise<string> => {
        const target = new Request(new URL("/a?b", upstream.url), it);
        return (await fetch(new Request(target))).text();
      };
      expect(await posted(forward, lightResponse)).to.equal("1 b Zoë");
      const asIs = async (it: Request): Promise<string> => {
        if (it.headers.has("x-again")) return "reached";
        it.headers.set("x-again", "1");
        return (await fetch(it)).text();
      };
      expect(await posted(asIs, lightResponse)).to.equal('"reached"');
    });

    it("has no body where the platform knows none", async () => {
      const { url } = await serveWith((loop) =>
        loop.mount(
          adapt(
            async (it) =>
              new Response(`${it.body === null} ${await it.text()}`),
            {
              lightResponse,
            },
          ),
        ),
      );
      expect(await (await fetch(url)).text()).to.equal("true ");
    });
  });
