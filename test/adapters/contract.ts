/**
 * What every adapter must show, whatever kind of application stands behind it. The test of an adapter implements
 * {@link Behaviours} in its own world and hands them over; how they are spoken to is the same for all.
 */
import { ReadableStream } from "node:stream/web";
import { expect } from "chai";
import type { Application, Loop } from "../../lib/index.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { shareServer } from "../support/shared-server.ts";

/** The applications that the contract talks to. Each is mounted at a slash and its name. */
export interface Behaviours<App> {
  /**
   * 200 with the request's body and content-type. `x-method`, `x-path` (with the mount) and `x-query` say what it saw,
   * `x-sent` repeats the request's header of that name; `set-cookie` is there twice, `a=1` and `b=2`.
   */
  echo: App;
  /** The status that is the query (`?404`), repeated as `x-status`; where HTTP allows a body it is "body". */
  status: App;
  /** As many lines as the query says (`?2`), a chunk each, without a content-length: "line 1\n", "line 2\n". */
  stream: App;
  /** Throws an error with the message "on purpose" before it answers. */
  throws: App;
  /** Throws the same error after the chunk "begun\n". */
  throwsLate: App;
  /** Chunks "tick\n" without an end. For the query `?ended`: how many of such bodies were told to end, as text. */
  endless: App;
}

export type Behaviour = keyof Behaviours<unknown>;

const BEHAVIOURS = [
  "echo",
  "status",
  "stream",
  "throws",
  "throwsLate",
  "endless",
] as const satisfies Behaviour[];

/**
 * All tests of the contract for one adapter; `mount` makes a behaviour mountable. `shared`: one server has all of them
 * for all tests, as its applications take long to start.
 */
export function describeAdapter(
  name: string,
  mount: (behaviour: Behaviour) => Application,
  { shared = false } = {},
): void {
  const options = { accessLog: true };
  const mountAll = (loop: Loop, behaviours: readonly Behaviour[]): void => {
    for (const behaviour of behaviours)
      loop.mount(`/${behaviour}`, mount(behaviour));
  };
  const server = shared
    ? shareServer((loop) => mountAll(loop, BEHAVIOURS), options)
    : undefined;
  const serve = async (...behaviours: Behaviour[]): Promise<TestServer> =>
    server?.() ?? serveWith((loop) => mountAll(loop, behaviours), options);

  describe(`${name} passes requests on:`, () => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
      it(`the method ${method}`, async () => {
        const { url } = await serve("echo");
        const { headers } = await fetch(`${url}/echo`, { method });
        expect(headers.get("x-method")).to.equal(method);
      });

    it("path and query as sent", async () => {
      const { url } = await serve("echo");
      const { headers } = await fetch(`${url}/echo/a/b?c=1&d=%20%26&c=2&e`);
      expect(headers.get("x-path")).to.equal("/echo/a/b");
      expect(headers.get("x-query")).to.equal("c=1&d=%20%26&c=2&e");
    });

    it("the mount itself, and no query", async () => {
      const { url } = await serve("echo");
      const { headers } = await fetch(`${url}/echo`);
      expect(headers.get("x-path")).to.equal("/echo");
      expect(headers.get("x-query")).to.equal("");
    });

    it("headers, whatever the case of their names", async () => {
      const client = await connect(await serve("echo"));
      client.request("GET /echo", ["X-SENT: a value; with=parts"]);
      const { head } = await client.reply();
      expect(head).to.match(/^x-sent: a value; with=parts$/im);
    });

    it("repeated headers, all of them in order", async () => {
      const client = await connect(await serve("echo"));
      client.request("GET /echo", ["x-sent: 1", "x-other: x", "X-Sent: 2"]);
      const { head } = await client.reply();
      expect(head).to.match(/^x-sent: 1, ?2$/im);
    });

    it("no body", async () => {
      const { url } = await serve("echo");
      const response = await fetch(`${url}/echo`);
      expect(await response.text()).to.equal("");
    });

    it("an empty body", async () => {
      const { url } = await serve("echo");
      const response = await fetch(`${url}/echo`, { method: "POST", body: "" });
      expect(response.status).to.equal(200);
      expect(await response.text()).to.equal("");
    });

    it("every byte there is", async () => {
      const { url } = await serve("echo");
      const body = Uint8Array.from({ length: 256 }, (_, i) => i);
      expect(await echoed(url, { body })).to.deep.equal(Buffer.from(body));
    });

    it("a body of a megabyte", async () => {
      const { url } = await serve("echo");
      const body = pattern(1024 * 1024);
      const back = await echoed(url, { body });
      expect(back.equals(body)).to.equal(true);
    });

    it("a body that comes in pieces, without a length", async () => {
      const { url } = await serve("echo");
      const pieces = [pattern(10), pattern(70_000), pattern(1), pattern(3000)];
      const body = ReadableStream.from(pieces) as unknown as BodyInit;
      const back = await echoed(url, { body, duplex: "half" } as RequestInit);
      expect(back.equals(Buffer.concat(pieces))).to.equal(true);
    });

    it("the content-type of the body", async () => {
      const { url } = await serve("echo");
      const init = { method: "POST", headers: { "content-type": "text/x" } };
      const { headers } = await fetch(`${url}/echo`, { ...init, body: "x" });
      expect(headers.get("content-type")).to.equal("text/x");
    });
  });

  describe(`${name} passes replies on:`, () => {
    for (const status of [200, 201, 404, 418, 503])
      it(`the status ${status} with headers and body`, async () => {
        const { url } = await serve("status");
        const response = await fetch(`${url}/status?${status}`);
        expect(response.status).to.equal(status);
        expect(response.headers.get("x-status")).to.equal(String(status));
        expect(await response.text()).to.equal("body");
      });

    it("a header that is there twice", async () => {
      const { url } = await serve("echo");
      const { headers } = await fetch(`${url}/echo`);
      expect(headers.getSetCookie()).to.deep.equal(["a=1", "b=2"]);
    });

    it("a body in many chunks", async () => {
      const { url } = await serve("stream");
      const response = await fetch(`${url}/stream?1000`);
      const lines = (await response.text()).split("\n");
      expect(lines).to.have.length(1001);
      expect(lines.slice(-3)).to.deep.equal(["line 999", "line 1000", ""]);
    });

    it("a body without any chunk", async () => {
      const { url } = await serve("stream");
      const response = await fetch(`${url}/stream?0`);
      expect(response.status).to.equal(200);
      expect(await response.text()).to.equal("");
    });

    it("the first chunk before the last is made", async () => {
      const client = await connect(await serve("endless"));
      client.request("GET /endless");
      await client.until(/200 OK[^]*\r\n\r\n[^]*tick\n/);
      client.abort();
    });

    for (const status of [204, 304])
      it(`nothing behind the head of a ${status}, and the next reply after it`, async () => {
        const client = await connect(await serve("status"));
        client.request(`GET /status?${status}`);
        const { head } = await client.reply({ body: false });
        expect(head).to.match(RegExp(`^HTTP/1.1 ${status} `));
        expect(head).to.match(RegExp(`^x-status: ${status}$`, "im"));
        expect(head).to.not.match(/^(content-length|transfer-encoding):/im);
        expect(await nextStatus(client)).to.equal("200");
      });

    it("the head alone for HEAD, and the next reply after it", async () => {
      const client = await connect(await serve("echo", "status"));
      client.request("HEAD /echo/x?y", ["x-sent: z"]);
      const { head } = await client.reply({ body: false });
      expect(head).to.match(/^HTTP\/1.1 200 /);
      expect(head).to.match(/^x-method: HEAD$/im);
      expect(head).to.match(/^x-path: \/echo\/x$/im);
      expect(head).to.match(/^x-sent: z$/im);
      expect(await nextStatus(client)).to.equal("200");
    });

    it("the head alone for HEAD of a streamed body", async () => {
      const client = await connect(await serve("stream", "status"));
      client.request("HEAD /stream?3");
      const { head } = await client.reply({ body: false });
      expect(head).to.match(/^HTTP\/1.1 200 /);
      expect(await nextStatus(client)).to.equal("200");
    });
  });

  describe(`${name} bears`, () => {
    it("an error before the head: 500 without a word about it", async () => {
      const server = await serve("throws", "status");
      server.expectLog(/on purpose/);
      const response = await fetch(`${server.url}/throws`);
      expect(response.status).to.equal(500);
      expect(await response.text()).to.not.include("on purpose");
      expect(await badOutcome(server)).to.equal("error");
      expect((await fetch(`${server.url}/status?200`)).status).to.equal(200);
    });

    it("an error behind the head: the client sees that the body is not complete", async () => {
      const server = await serve("throwsLate", "status");
      server.expectLog(/on purpose/);
      const client = await connect(server);
      client.request("GET /throwsLate");
      const received = await client.untilClosed();
      expect(received).to.not.include("\r\n0\r\n\r\n");
      expect(received).to.not.include("on purpose");
      expect(await badOutcome(server)).to.equal("error");
      expect((await fetch(`${server.url}/status?200`)).status).to.equal(200);
    });

    it("a client that leaves in the middle of the reply: the body is told to end", async () => {
      const server = await serve("endless");
      const before = await endedBodies(server);
      const client = await connect(server);
      client.request("GET /endless");
      await client.until(/tick\n/);
      client.abort();
      expect(await badOutcome(server)).to.equal("abort");
      let after = before;
      while (after === before) after = await endedBodies(server);
      expect(after).to.equal(before + 1);
    });

    it("a client that leaves in the middle of its upload", async () => {
      const server = await serve("echo", "status");
      const client = await connect(server);
      client.request("POST /echo", ["content-length: 100"], "half of it");
      // A reply on another connection: the request above has reached the loop before.
      expect((await fetch(`${server.url}/status?200`)).status).to.equal(200);
      client.abort();
      expect(await badOutcome(server)).to.equal("abort");
      expect((await fetch(`${server.url}/status?200`)).status).to.equal(200);
    });
  });
}

/** What comes back of a body posted to `echo`. */
async function echoed(url: string, init: RequestInit): Promise<Buffer> {
  const response = await fetch(`${url}/echo`, { method: "POST", ...init });
  expect(response.status).to.equal(200);
  return Buffer.from(await response.arrayBuffer());
}

/** Bytes in an order that shows when some are lost, doubled or swapped. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 7919) >> 5);
}

/** Of the first request, also one to come, that did not end well. */
async function badOutcome(server: TestServer): Promise<unknown> {
  const line = await server.logged(
    ({ msg, outcome }) => msg === "request" && outcome !== "ok",
  );
  return line.outcome;
}

/** How many bodies of `endless` were told to end. */
async function endedBodies({ url }: TestServer): Promise<number> {
  const response = await fetch(`${url}/endless?ended`);
  return Number(await response.text());
}

async function nextStatus(client: Replies): Promise<string> {
  client.request("GET /status?200");
  const { head, body } = await client.reply();
  expect(body).to.match(/body/);
  return head.slice(9, 12);
}

/** A raw client that knows where a reply ends. */
interface Replies extends RawClient {
  /** Takes the next reply; `body: false` for one that has none, whatever its head says. */
  reply(options?: { body?: boolean }): Promise<{ head: string; body: string }>;
}

async function connect({ port }: TestServer): Promise<Replies> {
  const client = await RawClient.connect(port);
  return Object.assign(client, {
    async reply({ body = true } = {}) {
      const [whole, head] = await client.until(/^([^]*?)\r\n\r\n/);
      expect(head).to.match(/^HTTP\/1.1 /); // and not what is left of the reply before
      const end = body ? endOfBody(head!) : /^/;
      client.received = client.received.slice(whole.length);
      const [content] = await client.until(end);
      client.received = client.received.slice(content.length);
      return { head: head!, body: content };
    },
  });
}

function endOfBody(head: string): RegExp {
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  return length === undefined ? /^[^]*?0\r\n\r\n/ : RegExp(`^[^]{${length}}`);
}
