/** RFC 9112, section 9.6: a reply that ends its connection reaches a client that is still sending, too. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { expect } from "chai";
import { HttpError, stream, type Loop } from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { describeIf, outputOf } from "../../support/programs.ts";
import { PYTHON } from "../../support/python.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { TestServer } from "../../support/server.ts";

const run = promisify(execFile);

/** More than the buffers on the way hold, so that the client is still sending when the reply is there. */
const BODY_BYTES = 8_000_000;

const headers = { connection: "close" };

interface Refusal {
  at: string;
  status: number;
  body?: RegExp;
  fields?: string[];
}

const REFUSALS: Record<string, Refusal> = {
  "413 before the handler": {
    at: "/limited",
    status: 413,
    body: /than the 1000 bytes allowed here\n$/,
  },
  "413 whose client has asked for the end": {
    at: "/limited",
    status: 413,
    fields: ["Connection: close"],
  },
  "413 for a handler that reads": { at: "/reads", status: 413 },
  "431": {
    at: "/says-nothing",
    status: 431,
    fields: [`X: ${"y".repeat(3000)}`],
  },
  "404 whose client has asked for the end": {
    at: "/nowhere",
    status: 404,
    fields: ["Connection: close"],
  },
  "error of a handler": { at: "/throws", status: 403, body: /not here\n$/ },
  "error of a handler that waits": { at: "/throws-later", status: 403 },
  "reply of a handler": { at: "/answers", status: 200, body: /\r\nx{100000}$/ },
  "reply without a byte": { at: "/says-nothing", status: 200 },
  stream: {
    at: "/streams",
    status: 200,
    body: /\r\n0(?:;end=": ")?\r\n(\r\n)+$/,
  },
  "stream whose client has asked for the end": {
    at: "/streams-late",
    status: 200,
    body: /\r\n0(?:;end=": ")?\r\n(\r\n)+$/,
    fields: ["Connection: close"],
  },
  "stream with its length": {
    at: "/streams-its-length",
    status: 200,
    body: /\r\n\r\nonetwo$/,
  },
  HEAD: { at: "/heads", status: 200, body: /\r\n\r\n$/ },
};

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

function mountRefusers(loop: Loop): void {
  const limited = { maxBodyBytes: 1000 };
  loop
    .mount("/limited", () => expect.fail("called"), limited)
    .any("/reads", (request) => request.text(), limited)
    .any("/throws", () => {
      throw new HttpError(403, "not here", { headers });
    })
    .any("/throws-later", async () => {
      await turn();
      throw new HttpError(403, "not here", { headers });
    })
    .any("/answers", () => ({ headers, body: "x".repeat(100_000) }))
    .any("/says-nothing", () => ({ headers, body: "" }))
    .any("/streams", () => stream(["one", "two"], { headers }))
    .any("/streams-late", async () => {
      await turn();
      return stream(["one", "two"]);
    })
    .any("/streams-its-length", () => {
      const length = { "content-length": 6 };
      return stream(["one", "two"], { headers: { ...headers, ...length } });
    })
    .any("/heads", () => ({ headers, body: "no body" }));
}

onEachEngine(({ serveWith }) => {
  let server: TestServer;

  beforeEach(async () => {
    server = await serveWith(mountRefusers, {
      maxBodyBytes: Infinity,
      maxHeaderBytes: 2000,
      accessLog: true,
    });
  });

  /** Sends all of the body before it reads anything: a connection that is reset loses the reply. */
  async function upload(
    method: string,
    { at, fields = [] }: Refusal,
    framing: "length" | "chunked",
  ): Promise<string> {
    const client = await RawClient.connect(server.port);
    client.socket.pause();
    const body = "b".repeat(BODY_BYTES);
    const sent = once(client.socket, "drain").catch(() => {});
    if (framing === "length") {
      const length = `Content-Length: ${BODY_BYTES}`;
      client.request(`${method} ${at}`, [...fields, length], body);
    } else {
      const chunk = `${BODY_BYTES.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      const coding = "Transfer-Encoding: chunked";
      client.request(`${method} ${at}`, [...fields, coding], chunk);
    }
    await Promise.race([sent, once(client.socket, "close")]);
    client.socket.resume();
    return client.untilClosed();
  }

  it("The HEAD of an early refusal has no body", async () => {
    const refusal = REFUSALS["413 before the handler"]!;
    const received = await upload("HEAD", refusal, "length");
    expect(received).to.match(
      /^HTTP\/1.1 413 Content Too Large\r\n[^]*\r\n\r\n$/,
    );
    expect(received.trimEnd().split("\r\n\r\n")).to.have.lengthOf(1);
  });

  it("A malformed HEAD is refused with a head alone", async () => {
    const client = await RawClient.connect(server.port);
    client.send("HEAD /limited HTTP/1.1\r\nHost: a b\r\n\r\n");
    const received = await client.untilClosed();
    expect(received).to.match(/^HTTP\/1.1 400 [^]*?\r\n(\r\n)+$/);
    expect(received.trimEnd().split("\r\n\r\n")).to.have.lengthOf(1);
  });

  describe("An early refusal", () => {
    for (const [what, refusal] of Object.entries(REFUSALS))
      for (const framing of ["length", "chunked"] as const) {
        const { at, status, body = /./ } = refusal;
        if (framing === "chunked" && at === "/limited" && status === 413)
          continue; // not known before it has come
        it(`reaches a client that sends all of its body first (${framing}): ${what}`, async () => {
          const method = what === "HEAD" ? "HEAD" : "POST";
          for (let i = 0; i < 4; i++) {
            const received = await upload(method, refusal, framing);
            expect(received).to.match(new RegExp(`^HTTP/1.1 ${status} `));
            expect(received).to.match(/^connection: close\r$/im);
            expect(received).to.match(body);
          }
        });
      }

    it("reaches a client that is still sending when the loop closes", async () => {
      const client = await RawClient.connect(server.port);
      client.socket.pause();
      const length = `Content-Length: ${BODY_BYTES}`;
      client.request("POST /limited", [length], "b");
      await server.logged(({ msg }) => msg === "request");
      const closed = server.loop.close();
      client.send("b".repeat(BODY_BYTES - 1));
      await Promise.race([
        once(client.socket, "drain").catch(() => {}),
        once(client.socket, "close"),
      ]);
      client.socket.resume();
      expect(await client.untilClosed()).to.match(/^HTTP\/1.1 413 /);
      await closed;
    });

    it("lets nothing behind its body reach a handler", async () => {
      let called = 0;
      const { port } = await serveWith(
        (loop) =>
          loop
            .post("/limited", () => "not this", { maxBodyBytes: 4 })
            .get("/behind", () => String(++called)),
        {},
      );
      const behind = "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20);
      const body = "b".repeat(50);
      const packets = (fields: string[]) =>
        [
          [fields, [body + behind]],
          [fields, ["", body + behind]],
          [fields, [body.slice(20), body.slice(-20) + behind]],
          [fields, ["", body.slice(20), body.slice(-20) + "no request"]],
        ] as const;
      const all = [...packets([]), ...packets(["Connection: close"])];
      for (const [fields, pieces] of all) {
        const client = await RawClient.connect(port);
        client.socket.setNoDelay();
        const head = [...fields, `Content-Length: ${body.length}`];
        client.request("POST /limited", head, pieces[0]);
        for (const piece of pieces.slice(1)) {
          await client.until(/allowed here\n/);
          client.send(piece);
        }
        const replies = (await client.untilClosed()).match(/HTTP\/1.1 \d+/g);
        expect(replies).to.deep.equal(["HTTP/1.1 413"]);
      }
      expect(called).to.equal(0);
    });
  });

  const tell = (output: { stdout: string }): string => output.stdout.trim();

  describeIf(
    outputOf("curl", "--version") ? undefined : "curl is not installed",
    "An early refusal to curl",
    () => {
      it("arrives each of fifty times", async () => {
        const url = `${server.url}/limited?[1-50]`;
        const what = "-sS -H Expect: -o /dev/null -w %{http_code}\\n".split(
          " ",
        );
        const sent = run("curl", [...what, "--data-binary", "@-", url]);
        sent.child.stdin!.end(Buffer.alloc(BODY_BYTES));
        expect(tell(await sent).split("\n")).to.deep.equal(
          Array.from({ length: 50 }, () => "413"),
        );
      });
    },
  );

  describeIf(
    outputOf(PYTHON, "--version") ? undefined : `there is no ${PYTHON}`,
    "An early refusal to urllib",
    () => {
      it("arrives each of fifty times", async () => {
        const program = `
import urllib.request
for _ in range(50):
    try: urllib.request.urlopen("${server.url}/limited", bytes(${BODY_BYTES}))
    except OSError as error: print(getattr(error, "code", error))`;
        const sent = await run(PYTHON, ["-c", program]);
        expect(tell(sent).split("\n")).to.deep.equal(
          Array.from({ length: 50 }, () => "413"),
        );
      });
    },
  );
});
