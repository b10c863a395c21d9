/** Flask and Django, as Debian has them. */
import { createHash, randomBytes } from "node:crypto";
import { ReadableStream } from "node:stream/web";
import { expect } from "chai";
import { missingModules, pythonApp } from "../support/python.ts";
import { serveWith, type TestServer } from "../support/server.ts";

/** They take a while to be imported, on a machine that may be busy. */
const PATIENCE_MS = 30_000;

const FRAMEWORKS = { flask: "flask_app:app", django: "django_app" };

for (const [name, spec] of Object.entries(FRAMEWORKS))
  describe(`An application of ${name}`, function () {
    this.timeout(PATIENCE_MS);

    before(function () {
      const missing = missingModules(name);
      if (missing === undefined) return;
      console.log(`    skipped: ${missing} (Debian: python3-${name})`);
      this.skip();
    });

    const serve = (): Promise<TestServer> =>
      serveWith((loop) => loop.mount("/shop", pythonApp(spec)), {
        maxBodyBytes: 10 * 1024 * 1024,
      });

    it("says hello below its mount", async () => {
      const { url } = await serve();
      const response = await fetch(`${url}/shop/`);
      expect(await response.text()).to.equal("Hello, World!");
      expect(response.headers.get("content-length")).to.equal("13");
    });

    it("keeps a session in a cookie", async () => {
      const { url } = await serve();
      let cookie = "";
      for (const count of [1, 2, 3]) {
        const headers = { cookie };
        const response = await fetch(`${url}/shop/count`, { headers });
        expect(await response.json()).to.deep.equal({ count });
        cookie = response.headers.getSetCookie()[0]!.split(";")[0]!;
      }
    });

    it("takes an uploaded file", async () => {
      const { url } = await serve();
      const bytes = randomBytes(3 * 1024 * 1024);
      const body = new FormData();
      body.set("file", new Blob([bytes]), "caf\u00e9.bin");
      const response = await fetch(`${url}/shop/upload`, {
        method: "POST",
        body,
      });
      expect(await response.json()).to.deep.equal({
        name: "caf\u00e9.bin",
        sha256: sha(bytes),
      });
    });

    it("streams a reply", async () => {
      const { url } = await serve();
      const response = await fetch(`${url}/shop/stream?word=caf%C3%A9`);
      expect(await response.text()).to.equal(
        "caf\u00e9 0\ncaf\u00e9 1\ncaf\u00e9 2\n",
      );
    });

    it("fails: 500, and the traceback is in the log", async () => {
      const server = await serve();
      server.expectLog(/./);
      const { status } = await fetch(`${server.url}/shop/fails`);
      expect(status).to.equal(500);
      const seen = ({ msg = "", err }: (typeof server.log)[number]) =>
        `${msg}${err?.stack}`.includes("ValueError: on purpose");
      await server.logged(seen);
    });

    if (name !== "flask") return;

    it("gets bodies without a length, short and long", async () => {
      const { url } = await serve();
      for (const size of [1000, 1_000_000]) {
        const bytes = randomBytes(size);
        const response = await fetch(`${url}/shop/body`, {
          method: "POST",
          body: ReadableStream.from([bytes]) as unknown as BodyInit,
          duplex: "half",
        } as RequestInit);
        const { sha256 } = (await response.json()) as { sha256: string };
        expect(sha256).to.equal(sha(bytes));
      }
    });

    it("sends files, answers with errors of its own, and has paths beyond ASCII", async () => {
      const { url } = await serve();
      const file = await fetch(`${url}/shop/file`);
      expect(file.headers.get("content-type")).to.equal("application/x-digits");
      expect(await file.text()).to.have.length(500_000);
      expect((await fetch(`${url}/shop/teapot`)).status).to.equal(418);
      const cafe = await fetch(`${url}/shop/caf\u00e9/\u{1f600}`);
      expect(await cafe.text()).to.equal("\u{1f600}");
    });
  });

function sha(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
