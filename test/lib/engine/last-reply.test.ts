/** RFC 9112, section 9.6: behind a reply that says `connection: close`, nothing more on that connection is served. */
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
import { onEachEngine } from "../../support/engines.ts";
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

onEachEngine(({ options }) => {
  const LISTENERS: Record<
    string,
    (loop: Loop) => Promise<() => Promise<Socket>>
  > = {
    "a port": async (loop) => {
      const target: ListenOptions = { ...options, port: 0, host: "127.0.0.1" };
      const { port } = await loop.listen(target);
      return () => opened(connect(port!, "127.0.0.1"), "connect");
    },
    "a port with TLS": async (loop) => {
      const target: ListenOptions = { ...options, port: 0, tls: CERTIFICATE };
      const { port } = await loop.listen(target);
      const at = { port: port!, rejectUnauthorized: false };
      return () => opened(connectTls(at), "secureConnect");
    },
    "a Unix socket": async (loop) => {
      const unix = join(folderWith({}), "socket");
      await loop.listen({ ...options, unix });
      return () => opened(connect(unix), "connect");
    },
  };

  const opened = (socket: Socket, event: string): Promise<Socket> =>
    new Promise((resolve, reject) => {
      socket.once(event, () => resolve(socket)).once("error", reject);
    });

  for (const [where, listen] of Object.entries(LISTENERS))
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
        const open = await listen(server.loop);
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
            it(`is so by its client: ${title}`, async () => {
              const fields = "Connection: close\r\n";
              expectOne(await see(method, () => reply({}), { fields, later }));
            });
            it(`is so by its client among other wishes: ${title}`, async () => {
              const fields = "Connection: te, close\r\n";
              expectOne(await see(method, () => reply({}), { fields, later }));
            });
            it(`is so while the loop drains: ${title}`, async () => {
              const draining = true;
              expectOne(
                await see(method, () => reply({}), { later, draining }),
              );
            });
          }

      it("has its body whole", async () => {
        const { received } = await see("GET", () => "plain", {
          fields: "Connection: close\r\n",
        });
        expect(received).to.match(/\r\n\r\nplain$/);
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
          const socket = await (await listen(server.loop))();
          const first =
            "POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
          const received = await ask(socket, first, true);
          expectOne({ received, calls });
          expect(received.split("\r\n\r\n")[1]).to.equal("x".repeat(length));
        });
    });
});
