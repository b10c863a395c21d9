/** The status server, and web pages that are open in a browser on its machine. */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { expect } from "chai";
import { Eddy, eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { RawClient } from "../support/raw-client.ts";

const APP = `
  import { suspend } from "effection";
  export default function* ({ path }) {
    if (path !== "/never") return "hello";
    console.error("inside");
    yield* suspend();
  }`;

type Asked = [
  status: number,
  text: string,
  headers: IncomingMessage["headers"],
];

async function ask(
  where: { port?: number; socketPath?: string },
  asked: string,
  headers: Record<string, string> = {},
): Promise<Asked> {
  const [method, path] = asked.split(" ");
  const here = { host: "127.0.0.1", agent: false };
  const all = { ...here, ...where, method, path, headers };
  const [response] = (await once(request(all).end(), "response")) as [
    IncomingMessage,
  ];
  const text = (await response.setEncoding("utf8").toArray()).join("");
  return [response.statusCode!, text, response.headers];
}

describe("The status server", function () {
  this.timeout(PATIENCE_MS);
  const ID = "a:b@c+d";
  const HALT = `POST /tasks/${encodeURIComponent(ID)}/halt`;

  let command: Eddy;
  let port: number;
  let metrics: number;
  let client: RawClient;

  /** With a request that does not end. */
  beforeEach(async () => {
    [port, metrics] = [await freePort(), await freePort()];
    command = eddy(folderWith({ "app.mjs": APP }), [
      "app.mjs",
      `--stats=127.0.0.1:${port}`,
      `--metrics=127.0.0.1:${metrics}`,
      "--stats-hosts=app.internal",
      "--stats-hosts=B.example",
    ]);
    client = await RawClient.connect(Number(new URL(await command.url()).port));
    client.request("GET /never", [`x-request-id: ${ID}`]);
    await command.complains(/inside/);
  });

  it("takes no order from a page of another site, nor from one whose name was led here", async () => {
    const here = `http://127.0.0.1:${port}`;
    for (const [what, headers] of Object.entries({
      "another site": { origin: "http://evil.example" },
      "another port": { origin: "http://127.0.0.1:1" },
      "another scheme": { origin: `https://127.0.0.1:${port}` },
      "a page without an origin": { origin: "null" },
      "an old request for one": { "sec-fetch-site": "cross-site" },
      "a site beside": { "sec-fetch-site": "same-site", origin: here },
      "a name led here": { host: `evil.example:${port}` },
      "such a page itself": {
        host: `evil.example:${port}`,
        origin: `http://evil.example:${port}`,
        "sec-fetch-site": "same-origin",
      },
    }))
      expect((await ask({ port }, HALT, headers))[0], what).to.equal(403);
    const [, tasks] = await ask({ port }, "GET /tasks");
    expect(tasks).to.include(ID); // it runs on
    const own = { origin: here, "sec-fetch-site": "same-origin" };
    const [status, text] = await ask({ port }, HALT, own);
    expect([status, JSON.parse(text)]).to.deep.equal([
      200,
      { id: ID, halted: true },
    ]);
    await client.until(/HTTP\/1.1 503 /);
  });

  it("tells nothing to whoever asks by a name that is not its own", async () => {
    for (const name of ["evil.example", "127.0.0.1.evil.example", "", "[", "b"])
      for (const where of ["GET /", "GET /tasks", "GET /metrics", "HEAD /"])
        for (const listener of [port, metrics]) {
          const headers = { host: `${name}:${listener}` };
          const [status, text] = await ask({ port: listener }, where, headers);
          expect(status, `${where} of ${name}`).to.equal(403);
          expect(text).to.not.include(String(command.pid));
        }
    for (const host of [
      `127.0.0.1:${port}`,
      "LOCALHOST",
      "[::1]:80",
      "10.0.0.1",
      "app.internal:1717",
      "b.EXAMPLE",
    ])
      expect((await ask({ port }, "GET /", { host }))[0], host).to.equal(200);
  });

  it("knows queries, HEAD, ids as they stand in a path, and which methods there are", async () => {
    const [status, text, headers] = await ask({ port }, "HEAD /tasks?all=1");
    expect([status, text]).to.deep.equal([200, ""]);
    expect(Number(headers["content-length"])).to.be.greaterThan(100);
    expect((await ask({ port }, "GET /?pretty"))[0]).to.equal(200);
    for (const id of ["%41", "%", "a%2Fb", "a?b"])
      expect((await ask({ port }, `POST /tasks/${id}/halt`))[0], id).to.equal(
        404,
      );
    for (const [asked, allow] of [
      ["GET /tasks/1/halt", "POST"],
      ["POST /metrics", "GET"],
      ["OPTIONS /tasks", "GET"],
    ] as const) {
      const [status, , headers] = await ask({ port }, asked);
      expect([status, headers.allow], asked).to.deep.equal([405, allow]);
    }
  });

  it("has the metrics alone where metrics says", async () => {
    const [status, text] = await ask({ port: metrics }, "GET /metrics");
    expect(status).to.equal(200);
    expect(text).to.match(/^eddy_workers\{state="ready"\} 1$/m);
    for (const asked of ["GET /", "GET /tasks", HALT]) {
      const [status, text] = await ask({ port: metrics }, asked);
      expect([status, text], asked).to.deep.equal([
        404,
        "there is GET /metrics\n",
      ]);
    }
    expect((await ask({ port }, "GET /tasks"))[1]).to.include(ID);
  });
});

describe("The status server on a Unix socket", function () {
  this.timeout(PATIENCE_MS);

  it("is asked by any name: no web page can ask there", async () => {
    const path = folderWith({ "app.mjs": APP });
    const command = eddy(path, ["app.mjs", "--stats", "unix:./stats.sock"]);
    await command.url();
    const at = { socketPath: join(path, "stats.sock") };
    const [status] = await ask(at, "GET /", { host: "eddy" });
    expect(status).to.equal(200);
  });
});

describe("The status server, with a password", function () {
  this.timeout(PATIENCE_MS);
  const PASSWORD = { EDDY_STATS_PASSWORD: "correct-horse" };
  const asUser = (name: string, password: string): Record<string, string> => ({
    authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`,
  });

  it("tells those who have it alone, and takes their orders; metrics have a listener of their own", async () => {
    const [port, metrics] = [await freePort(), await freePort()];
    const path = folderWith({ "app.mjs": APP });
    const stats = `--stats=127.0.0.1:${port}`;
    const args = ["app.mjs", stats, `--metrics=127.0.0.1:${metrics}`];
    const command = eddy(path, args, PASSWORD);
    await command.url();
    for (const page of ["GET /", "GET /metrics", "GET /tasks", "GET /no"])
      for (const headers of [
        {},
        asUser("eddy", "correct-hors"),
        asUser("ada", "correct-horse"),
        { authorization: "Bearer correct-horse" },
      ]) {
        const [status, , replied] = await ask({ port }, page, headers);
        expect(status, page).to.equal(401);
        expect(replied["www-authenticate"]).to.match(/^Basic realm="eddy"/);
      }
    const known = asUser("eddy", "correct-horse");
    expect((await ask({ port }, "GET /tasks", known))[0]).to.equal(200);
    expect((await ask({ port }, "POST /tasks/none/halt", known))[0]).to.equal(
      404,
    );
    expect((await ask({ port: metrics }, "GET /metrics"))[0]).to.equal(200);

    const asked = new Eddy(path, ["top", stats], PASSWORD);
    expect(await asked.ended).to.equal(0);
    expect(asked.lines[0]).to.match(/^eddy .*, supervisor /);
    const refused = new Eddy(path, ["top", stats]);
    expect(await refused.ended).to.equal(1);
    expect(refused.stderr).to.match(/statsPassword/);
  });
});
