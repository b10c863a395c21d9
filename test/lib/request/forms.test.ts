import { expect } from "chai";
import { Response as UndiciResponse } from "undici";
import { json } from "../../../lib/index.ts";
import { Random } from "../../../tools/fuzz/random.ts";
import { onEachEngine } from "../../support/engines.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";
import { entriesOf, FORMS, TYPE, type FormCase } from "./forms.ts";

const bytesOf = ({ body }: FormCase): Buffer<ArrayBuffer> =>
  Buffer.from(body, "latin1") as Buffer<ArrayBuffer>;

describe("request.form()", () => {
  it("reads each form of the corpus as it should, which is as undici and Chrome do, or it says why not", async () => {
    const server = await serveWith((loop) =>
      loop.mount(async (request) =>
        json(await entriesOf(await request.form())),
      ),
    );
    for (const one of FORMS) {
      const { title, type = TYPE, ours, undici, chrome, why } = one;
      const response = await fetch(server.url, {
        method: "POST",
        headers: { "content-type": type },
        body: bytesOf(one),
      });
      const { ok, status } = response;
      expect(ok ? await response.json() : status, title).to.deep.equal(ours);
      const plain = typeof ours === "number" ? "error" : ours;
      const peers = JSON.stringify([undici, chrome]);
      const differs = peers !== JSON.stringify([plain, plain]);
      expect(why !== undefined, `${title}: why`).to.equal(differs);
    }
  });

  it("has a corpus of at least 60 dispositions and 40 framings, with what undici makes of each", async () => {
    const count = (kind: string): number =>
      FORMS.filter((one) => one.kind === kind).length;
    expect(count("disposition")).to.be.at.least(60);
    expect(count("framing")).to.be.at.least(40);
    for (const one of FORMS) {
      const headers = { "content-type": one.type ?? TYPE };
      const response = new UndiciResponse(bytesOf(one), { headers });
      const answer = await response.formData().then(
        (form) => entriesOf(form as unknown as FormData),
        () => "error",
      );
      expect(answer, one.title).to.deep.equal(one.undici);
    }
  });

  onEachEngine((engine) => {
    it("reads a form wherever its pieces are split", async () => {
      const server = await engine.serveWith((loop) =>
        loop.mount(async (request) =>
          json(await entriesOf(await request.form())),
        ),
      );
      const random = new Random(1);
      const good = FORMS.filter(({ ours }) => typeof ours !== "number");
      for (const { title, body, type = TYPE, ours } of good) {
        const client = await RawClient.connect(server.port);
        client.send(
          `POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`,
        );
        for (let start = 0, end = 0; start < body.length; start = end) {
          end = Math.min(body.length, start + 1 + random.below(12));
          const size = (end - start).toString(16);
          client.send(`${size}\r\n${body.slice(start, end)}\r\n`);
          if (random.chance(0.1)) await new Promise(setImmediate);
        }
        client.send("0\r\n\r\n");
        const [, reply] = await client.until(/\r\n\r\n(\[.*\])/s);
        const text = Buffer.from(reply!, "latin1").toString();
        expect(JSON.parse(text), title).to.deep.equal(ours);
        client.socket.destroy();
      }
    });
  });

  const heads: [bytes: number, status: number][] = [
    [60_000, 200],
    [70_000, 400],
  ];
  for (const [bytes, status] of heads)
    it(`answers ${status} to a part behind ${bytes} bytes of header fields`, async () => {
      const server = await serveWith((loop) =>
        loop.mount(async (request) => String((await request.form()).get("a"))),
      );
      const body = `--X\r\nX: ${"x".repeat(bytes)}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--X--`;
      const headers = { "content-type": TYPE };
      const init = { method: "POST", headers, body };
      const response = await fetch(server.url, init);
      expect(response.status).to.equal(status);
      expect(await response.text()).to.equal(
        status === 200
          ? "1"
          : "the multipart form is malformed: a part has more than 64 KiB of header fields\n",
      );
    });
});
