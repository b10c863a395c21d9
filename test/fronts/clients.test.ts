/** Real clients of the engine "node": ab, curl, h2load, and a browser. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { html, stream, type ListenOptions } from "../../lib/index.ts";
import { suspend } from "../../lib/operations.ts";
import { CERTIFICATE } from "../support/certificate.ts";
import { folderWith } from "../support/folder.ts";
import { describeIf, missing, PROGRAM_ENV } from "../support/programs.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { browse } from "./browser.ts";

const exec = promisify(execFile);

async function run(program: string, ...args: string[]): Promise<string> {
  return (await exec(program, args, { env: PROGRAM_ENV })).stdout;
}

const LARGE = Buffer.alloc(8_000_000, "eddy");
const HASH = createHash("sha256").update(LARGE).digest("hex");

const serve = (options: ListenOptions = {}): Promise<TestServer> =>
  serveWith(
    (loop) =>
      loop
        .get("/", () => "hello")
        .get("/stream", () => stream(["a", "b"]))
        .post("/", (request) => request.text())
        .post(
          "/hash",
          async (request) =>
            createHash("sha256")
              .update(await request.bytes())
              .digest("hex"),
          { maxBodyBytes: LARGE.length },
        ),
    {},
    { engine: "node", ...options },
  );

describeIf(missing("ab", "-V"), "ab", () => {
  for (const kept of [false, true])
    it(`gets 1000 good replies ${kept ? "on kept connections" : "on as many connections"}`, async () => {
      const { url } = await serve();
      const args = ["-n", "1000", "-c", "10", ...(kept ? ["-k"] : [])];
      const said = await run("ab", ...args, `${url}/`);
      expect(said).to.match(/^Complete requests: +1000$/m);
      expect(said).to.match(/^Failed requests: +0$/m);
      expect(said).not.to.match(/Non-2xx/);
      if (kept) expect(said).to.match(/^Keep-Alive requests: +1000$/m);
    });
});

/** Flags of curl, where it finds the server, and what it then speaks. */
const CURLS: [flag: string, target: ListenOptions, version: string][] = [
  ["--http1.0", {}, "1.1"], // what a server of HTTP/1.1 answers (RFC 9110, section 6.2)
  ["--http1.1", {}, "1.1"],
  ["--http2", {}, "1.1"], // it offers to upgrade, which RFC 9113 knows no more
  ["--http2", { http2: true, tls: CERTIFICATE }, "2"],
  ["--http2-prior-knowledge", { http2: true }, "2"],
];

for (const [flag, target, version] of CURLS)
  describeIf(
    missing("curl"),
    `curl ${flag}, ${target.tls ? "TLS" : "plain"}`,
    () => {
      let url: string;

      beforeEach(async () => ({ url } = await serve(target)));

      const curl = (...args: string[]): Promise<string> =>
        run("curl", "--silent", "--insecure", "--fail", flag, ...args);

      it(`gets replies and streams, by HTTP/${version}`, async () => {
        const shown = " %{http_version} %{response_code}";
        expect(await curl("--write-out", shown, url)) //
          .to.equal(`hello ${version} 200`);
        expect(await curl(`${url}/stream`)).to.equal("ab");
      });

      it("sends bodies", async () => {
        expect(await curl("--data", "body", url)).to.equal("body");
        const large = folderWith({ large: LARGE.toString() });
        const file = `@${join(large, "large")}`;
        expect(await curl("--data-binary", file, `${url}/hash`)) //
          .to.equal(HASH);
      });
    },
  );

describeIf(missing("h2load"), "h2load over TLS", () => {
  for (const [protocol, flags] of [
    ["h2", []],
    ["http/1.1", ["--h1"]],
  ] as const)
    it(`gets 2000 good replies by ${protocol}`, async () => {
      const { url } = await serve({ http2: true, tls: CERTIFICATE });
      const args = ["-n", "2000", "-c", "10", "-m", "10", ...flags, url];
      const said = await run("h2load", ...args);
      expect(said).to.match(
        new RegExp(`^Application protocol: ${protocol}$`, "m"),
      );
      expect(said).to.match(/^status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx$/m);
      expect(said).to.match(
        / 2000 succeeded, 0 failed, 0 errored, 0 timeout$/m,
      );
    });
});

/** It asks for all that a page does, and tells the server what it saw. */
const PAGE = `<!doctype html><script type="module">
  const body = "x".repeat(300_000);
  const echo = await fetch("/echo", { method: "POST", body });
  const events = new EventSource("/events");
  const event = await new Promise((done) => (events.onmessage = done));
  events.close();
  const form = new FormData();
  form.set("file", new File(["content"], "name.txt"));
  const sent = await fetch("/form", { method: "POST", body: form });
  const report = {
    protocols: [...new Set(
      ["navigation", "resource"].flatMap((kind) =>
        performance.getEntriesByType(kind).map((one) => one.nextHopProtocol),
      ),
    )],
    echo: (await echo.text()) === body,
    event: event.data,
    form: await sent.text(),
  };
  await fetch("/report", { method: "POST", body: JSON.stringify(report) });
</script>`;

describeIf(missing("chromium"), "Chromium", () => {
  it("speaks HTTP/2: pages, bodies, forms, events, and an abort", async function () {
    this.timeout(180_000); // the fronts run beside each other
    let told!: (report: unknown) => void;
    const report = new Promise((resolve) => (told = resolve));
    let left!: () => void;
    const closed = new Promise<void>((resolve) => (left = resolve));
    const server = await serveWith(
      (loop) =>
        loop
          .get("/", () => html(PAGE))
          .get("/favicon.ico", () => null)
          .post("/echo", (request) => request.text())
          .post("/form", async (request) => {
            const file = (await request.form()).get("file");
            return (file as File).name;
          })
          .get("/events", () =>
            stream(
              function* (out) {
                try {
                  yield* out.write("data: first\n\n");
                  yield* suspend();
                } finally {
                  left();
                }
              },
              { headers: { "content-type": "text/event-stream" } },
            ),
          )
          .post("/report", async (request) => {
            told(await request.json());
            return null;
          }),
      {},
      { http2: true, tls: CERTIFICATE },
    );
    browse(server.url);
    expect(await report).to.deep.equal({
      protocols: ["h2"],
      echo: true,
      event: "first",
      form: "name.txt",
    });
    await closed;
  });
});
