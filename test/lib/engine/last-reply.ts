/** A suite for RFC 9112, section 9.6: behind a reply that says `connection: close`, nothing more is served there. */
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { connect, type Socket } from "node:net";
import { expect } from "chai";
import {
  HttpError,
  stream,
  type Handler,
  type ListenOptions,
  type Loop,
  type Reply,
} from "../../../lib/index.ts";
import { CERTIFICATE } from "../../support/certificate.ts";
import type { TestedEngine } from "../../support/engines.ts";
import { folderWith } from "../../support/folder.ts";
import { TestServer } from "../../support/server.ts";

const close = { connection: "close" };

/** Every kind of reply, which says `close` where `headers` does. */
const REPLIES: Record<string, (headers: Record<string, string>) => Reply> = {
  "a whole body": (headers) => ({ headers, body: "whole" }),
  "a body larger than a packet": (headers) => ({
    headers,
    body: "x".repeat(200_000),
  }),
  "an empty body": (headers) => ({ headers, body: "" }),
  "204": (headers) => ({ status: 204, headers }),
  "304": (headers) => ({ status: 304, headers }),
  "a stream": (headers) => stream(["a", "b"], { headers }),
  "a stream without a chunk": (headers) => stream([], { headers }),
  "a stream with its length": (headers) =>
    stream(["a", "bc"], { headers: { ...headers, "content-length": 3 } }),
  "a stream of one byte": (headers) =>
    stream(["a"], { headers: { ...headers, "content-length": 1 } }),
  "a stream of no byte": (headers) =>
    stream([], { headers: { ...headers, "content-length": 0 } }),
  "an operation that writes": (headers) =>
    stream(
      function* (out) {
        yield* out.write("written");
      },
      { headers },
    ),
  "an error": (headers) => {
    throw new HttpError(403, "no", { headers });
  },
};

/** What a connection has seen. */
interface Seen {
  received: string;
  /** Of the applications, those that were called. */
  calls: string[];
}

const SECOND = "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";

/** Sends `first` and then a further request: in the same packet, or a millisecond later in its own. */
async function ask(
  socket: Socket,
  first: string,
  later: boolean,
): Promise<string> {
  let received = "";
  socket.setNoDelay(true).setEncoding("latin1");
  socket.on("data", (data: string) => (received += data));
  socket.on("error", () => {}); // the second request may meet a closed connection
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(later ? first : first + SECOND);
  if (later) {
    await setTimeout(1);
    if (!socket.destroyed && received !== "") socket.write(SECOND);
  }
  await closed;
  return received;
}

type Where = "a port" | "a port with TLS" | "a Unix socket";

/** Gives what opens a connection. */
type Listen = (
  loop: Loop,
  options: ListenOptions,
) => Promise<() => Promise<Socket>>;

const LISTENERS: Record<Where, Listen> = {
  "a port": async (loop, options) => {
    const target: ListenOptions = { ...options, port: 0, host: "127.0.0.1" };
    const { port } = await loop.listen(target);
    return () => opened(connect(port!, "127.0.0.1"), "connect");
  },
  "a port with TLS": async (loop, options) => {
    const target: ListenOptions = { ...options, port: 0, tls: CERTIFICATE };
    const { port } = await loop.listen(target);
    const at = { port: port!, rejectUnauthorized: false };
    return () => opened(connectTls(at), "secureConnect");
  },
  "a Unix socket": async (loop, options) => {
    const unix = join(folderWith({}), "socket");
    await loop.listen({ ...options, unix });
    return () => opened(connect(unix), "connect");
  },
};

const opened = (socket: Socket, event: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    socket.once(event, () => resolve(socket)).once("error", reject);
  });

export function lastReply({ options }: TestedEngine, where: Where): void {
  const listen = LISTENERS[where];
  describe(`The last reply of a connection on ${where}`, () => {
    async function see(
      method: string,
      reply: () => Reply | Promise<Reply>,
      { fields = "", later = false, draining = false },
    ): Promise<Seen> {
      const calls: string[] = [];
      const noted =
        (handle: Handler): Handler =>
        (request) => {
          calls.push(request.path);
          return handle(request);
        };
      const server = new TestServer();
      server.loop.any("/first", noted(reply)).mount(noted(() => "second"));
      const open = await listen(server.loop, options);
      const socket = await open();
      const closing = draining && server.loop.close({ lingerMs: 5000 });
      const first = `${method} /first HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
      const received = await ask(socket, first, later);
      await closing;
      return { received, calls };
    }

    const expectOne = ({ received, calls }: Seen): void => {
      expect(received.match(/HTTP\/1\.1 \d/g)).to.have.lengthOf(1);
      const [head] = received.split("\r\n\r\n");
      expect(head!.match(/^connection: close\r?$/gim)).to.have.lengthOf(1);
      expect(head).to.match(/^date: /im);
      expect(calls).to.deep.equal(["/first"]);
    };

    for (const [what, reply] of Object.entries(REPLIES))
      for (const method of ["GET", "HEAD"])
        for (const later of [false, true]) {
          const when = later ? "a millisecond before" : "in one packet with";
          const title = `${method}, ${what}, ${when} another request`;
          it(`is so by its application: ${title}`, async () => {
            expectOne(await see(method, () => reply(close), { later }));
          });
          it(`is so by its async application: ${title}`, async () => {
            const asynchronous = async (): Promise<Reply> => reply(close);
            expectOne(await see(method, asynchronous, { later }));
          });
          it(`is so by an application that answers after some ticks: ${title}`, async () => {
            const ticking = async (): Promise<Reply> => {
              for (let ticks = 0; ticks < 3; ticks++)
                await new Promise<void>((resolve) => process.nextTick(resolve));
              return reply(close);
            };
            const seen = await see(method, ticking, { later });
            if (later) expectOne(seen);
            else expect(seen.calls).to.deep.equal(["/first"]); // docs/http.md: the reply may be lost
          });
          for (const wish of ["close", "te, close"])
            it(`is so by its client (${wish}): ${title}`, async () => {
              const fields = `Connection: ${wish}\r\n`;
              const seen = await see(method, () => reply({}), {
                fields,
                later,
              });
              if (later) expectOne(seen);
              else expect(seen.calls).to.deep.equal(["/first"]); // docs/http.md: the reply may be lost
            });
          it(`is so while the loop drains: ${title}`, async () => {
            const draining = true;
            expectOne(await see(method, () => reply({}), { later, draining }));
          });
        }

    it("has its body whole", async () => {
      const { received } = await see("GET", () => "plain", {
        fields: "Connection: close\r\n",
        later: true,
      });
      expect(received).to.match(/\r\n\r\nplain$/);
    });

    it("may meet a client that has read nothing before it, and cuts no other connection", async () => {
      const server = new TestServer();
      server.expectLog(/./);
      server.loop.get("/", () => Buffer.alloc(128 * 1024));
      server.loop.get("/other", () => "other");
      const open = await listen(server.loop, options);
      const slow = await open();
      slow.on("error", () => {}).pause();
      for (let i = 0; i < 40; i++) {
        slow.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await setTimeout(1);
      }
      slow.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      const others = await Promise.all(Array.from({ length: 5 }, open));
      const replies = others.map(async (other) =>
        ask(
          other,
          "GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
          true,
        ),
      );
      for (const reply of await Promise.all(replies))
        expect(reply).to.match(/other$/);
      slow.destroy();
    });

    for (const length of [5, 50_000, 1_000_000])
      it(`may be one of ${length} bytes for a body that was read`, async () => {
        const server = new TestServer();
        const calls: string[] = [];
        server.loop.mount(async (request) => {
          calls.push(request.path);
          await request.text();
          return { headers: close, body: "x".repeat(length) };
        });
        const socket = await (await listen(server.loop, options))();
        const first =
          "POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        const received = await ask(socket, first, true);
        expectOne({ received, calls });
        expect(received.split("\r\n\r\n")[1]).to.equal("x".repeat(length));
      });
  });
}
