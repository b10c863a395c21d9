/** What an application of node:http is told of its request, its response and their connection. */
import { once } from "node:events";
import type {
  IncomingMessage,
  RequestListener,
  ServerResponse,
} from "node:http";
import { expect } from "chai";
import { node } from "../../../adapters/node.ts";
import type { LoopOptions } from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { madeErrors } from "../../support/made-errors.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { TestServer } from "../../support/server.ts";

/** What happens to a request, in the order in which it does. */
class Events {
  readonly seen: string[] = [];
  #waiting: (() => void)[] = [];

  listen(req: IncomingMessage, res: ServerResponse): this {
    for (const event of ["aborted", "end", "close"])
      req.on(event, () => this.note(`req ${event}`));
    req.on("error", (error: NodeJS.ErrnoException) =>
      this.note(`req error ${error.code}`),
    );
    for (const event of ["finish", "close", "drain"])
      res.on(event, () => this.note(`res ${event}`));
    req.socket.on("close", () => this.note("socket close"));
    return this;
  }

  note(event: string): void {
    this.seen.push(event);
    for (const look of this.#waiting.splice(0)) look();
  }

  async until(...events: string[]): Promise<void> {
    while (!events.every((event) => this.seen.includes(event)))
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

const ALL_CLOSED = ["req close", "res close", "socket close"] as const;

onEachEngine((engine) => {
  const serve = (
    listener: RequestListener,
    options?: LoopOptions,
  ): Promise<TestServer> =>
    engine.serveWith((loop) => loop.mount(node(listener)), options);

  describe("node(), events:", () => {
    it("`finish` and `close` tell of a complete reply, once", async () => {
      for (const answer of [
        (res: ServerResponse) => void res.end("whole"),
        (res: ServerResponse) => void setImmediate(() => res.end("late")),
        (res: ServerResponse) => {
          res.write("in ");
          setTimeout(() => res.end("pieces"), 5);
        },
        (res: ServerResponse) => void res.end("x".repeat(200_000)),
      ]) {
        const events = new Events();
        const { url } = await serve((req, res) => {
          events.listen(req, res);
          answer(res);
        });
        expect((await fetch(url)).status).to.equal(200);
        await events.until(...ALL_CLOSED);
        const { seen } = events;
        expect(seen.filter((it) => it.startsWith("res"))).to.deep.equal([
          "res finish",
          "res close",
        ]);
        expect(seen).not.to.include("req aborted");
      }
    });

    it("listeners that come behind end() in an async handler hear of it", async () => {
      const finished = new Events();
      const { url } = await serve(async (_req, res) => {
        res.end("x");
        await once(res, "finish");
        finished.note("finish");
      });
      await fetch(url);
      await finished.until("finish");
    });

    it("callbacks of write() and end() are called when the client has it", async () => {
      const events = new Events();
      const { url } = await serve((_req, res) => {
        res.write("a", () => {
          events.note("first");
          res.end("b", () => events.note("last"));
        });
      });
      expect(await (await fetch(url)).text()).to.equal("ab");
      await events.until("first", "last");
    });

    it("a callback of end() is called where nobody listens for anything", async () => {
      const events = new Events();
      const { url } = await serve((_req, res) => {
        res.end("x", () => events.note("told"));
      });
      await fetch(url);
      await events.until("told");
    });

    it("a client that leaves: aborted, error and close of req, close of res and socket, no finish", async () => {
      for (const begin of [
        () => {},
        (res: ServerResponse) => void res.write("begun"),
      ]) {
        const events = new Events();
        const { port, loop } = await serve((req, res) => {
          events.listen(req, res).note("asked");
          begin(res);
        });
        const client = await RawClient.connect(port);
        client.request("GET /");
        await events.until("asked");
        if (begin.length > 0) await client.until(/begun/);
        client.socket.destroy();
        await events.until(...ALL_CLOSED);
        expect(events.seen).to.include.members([
          "req aborted",
          "req error ECONNRESET",
        ]);
        expect(events.seen).not.to.include("res finish");
        expect(loop.tasks().exchanges).to.deep.equal([]);
      }
    });

    it("`drain` comes when the client has taken what made write() give false", async () => {
      const events = new Events();
      let written = 0;
      const chunk = Buffer.alloc(16 * 1024);
      const { port } = await serve((_req, res) => {
        const fill = (): void => {
          while (res.write(chunk)) written++;
          expect(res.writableNeedDrain).to.equal(true);
          events.note("full");
        };
        res.on("drain", () => {
          expect(res.writableNeedDrain).to.equal(false);
          events.note("drain");
          if (written < 1000) fill();
          else res.end("the end");
        });
        fill();
      });
      const client = await RawClient.connect(port);
      client.socket.pause();
      client.request("GET /", ["Connection: close"]);
      await events.until("full");
      const before = written;
      client.socket.resume();
      expect((await client.untilClosed()).endsWith("0\r\n\r\n")).to.equal(true);
      expect(before).to.be.below(1000);
      expect(events.seen).to.include("drain");
    });

    it("each chunk of an event stream arrives by itself", async () => {
      let send!: (text: string) => void;
      const { port } = await serve((_req, res) => {
        res.writeHead(200, { "content-type": "text/event-stream" });
        send = (text) => res.write(text);
        send("data: 1\n\n");
      });
      const client = await RawClient.connect(port);
      client.request("GET /");
      await client.until(/data: 1/);
      send("data: 2\n\n");
      await client.until(/data: 2/);
      client.socket.destroy();
    });

    it("socket.destroy() before the head is an error reply, and close for whoever listens", async () => {
      const events = new Events();
      const server = await serve((req, res) => {
        events.listen(req, res);
        req.socket.on("error", ({ message }) => events.note(message));
        req.socket.destroy(new Error("broken"));
      });
      server.expectLog(/broken/);
      expect((await fetch(server.url)).status).to.equal(500);
      await events.until("broken", ...ALL_CLOSED);
    });

    for (const [what, end] of Object.entries({
      "socket.destroy()": (req: IncomingMessage) => req.socket.destroy(),
      "socket.end()": (req: IncomingMessage) => req.socket.end(),
      "destroy() of the request": (req: IncomingMessage) => req.destroy(),
      "destroy(error)": (req: IncomingMessage) => req.destroy(new Error("no")),
      "destroy() of the response": (
        _req: IncomingMessage,
        res: ServerResponse,
      ) => res.destroy(),
    }))
      it(`${what}: what is written behind it does not become a reply`, async () => {
        for (const later of [
          (now: () => void) => now(),
          queueMicrotask,
          setImmediate,
        ]) {
          const server = await serve((req, res) =>
            later(() => {
              end(req, res);
              res.write("a ");
              res.end("body");
            }),
          );
          server.expectLog(/has ended its connection|no/);
          const response = await fetch(server.url);
          expect(response.status).to.equal(500);
          expect(await response.text()).not.to.include("body");
        }
      });

    it("a reply before the body is read makes no error that nobody gets", async () => {
      const made = madeErrors();
      const { url } = await serve(async (_req, res) => {
        await new Promise((resolve) => setImmediate(resolve));
        res.end("not interested");
      });
      for (let i = 0; i < 3; i++) {
        const response = await fetch(url, { method: "POST", body: "a body" });
        expect(await response.text()).to.equal("not interested");
      }
      await new Promise((resolve) => setImmediate(resolve));
      expect(made).to.deep.equal([]);
    });

    it("socket.destroy() behind a piece of the body cuts the connection when that is sent", async () => {
      for (const later of [
        setImmediate,
        queueMicrotask,
        (now: () => void) => now(),
      ]) {
        const server = await serve((_req, res) => {
          res.write("a piece");
          later(() => res.destroy());
        });
        server.expectLog(/has ended its connection/);
        const client = await RawClient.connect(server.port);
        client.request("GET /");
        const received = await client.untilClosed();
        expect(received).to.match(/a piece/);
        expect(received).not.to.match(/\r\n0\r\n/);
      }
    });

    it("what is thrown, or rejected, is a 500", async () => {
      for (const listener of [
        () => {
          throw new Error("of the application");
        },
        () => Promise.reject(new Error("of the application")),
      ]) {
        const events = new Events();
        const server = await serve((req, res) => {
          events.listen(req, res);
          return listener();
        });
        server.expectLog(/of the application/);
        expect((await fetch(server.url)).status).to.equal(500);
        await events.until(...ALL_CLOSED);
      }
    });

    it("a body beyond the limit is a 413, and an error for who reads it", async () => {
      const events = new Events();
      const { port } = await serve(
        (req, res) => {
          events.listen(req, res);
          req.resume();
        },
        { maxBodyBytes: 10 },
      );
      const client = await RawClient.connect(port);
      client.request(
        "POST /",
        ["Transfer-Encoding: chunked"],
        "5\r\n12345\r\n",
      );
      client.send("7\r\n1234567\r\n");
      await client.until(/^HTTP\/1.1 413/);
      await events.until("req error EDDY_BODY_TOO_LARGE", ...ALL_CLOSED);
    });

    it("the loop's time limit is a 503, and closes what the application has", async () => {
      const events = new Events();
      const server = await serve((req, res) => void events.listen(req, res), {
        requestTimeoutMs: 20,
      });
      server.expectLog(/took too long/);
      expect((await fetch(server.url)).status).to.equal(503);
      await events.until("req aborted", ...ALL_CLOSED);
    });

    it("a drain waits for the reply, and ends what takes too long", async () => {
      const events = new Events();
      const server = await serve(
        (req, res) => {
          events.listen(req, res).note(req.url!);
          if (req.url === "/soon") setTimeout(() => res.end("done"), 5);
        },
        { drainTimeoutMs: 60 },
      );
      const { url, loop } = server.expectLog(/had to be halted/);
      const [soon, never] = [fetch(`${url}/soon`), fetch(`${url}/never`)];
      await events.until("/soon", "/never");
      await loop.close();
      expect((await soon).status).to.equal(200);
      expect((await never).status).to.equal(503);
      expect(events.seen.filter((it) => it === "res close").length).to.equal(2);
    });

    it("setTimeout() tells of silence, or ends the request where nobody listens", async () => {
      const events = new Events();
      const server = await serve((req, res) => {
        if (req.url === "/heard")
          res.setTimeout(5, () => res.writeHead(504).end());
        else req.setTimeout(5);
        events.listen(req, res);
      });
      server.expectLog(/has ended its connection/);
      expect((await fetch(`${server.url}/heard`)).status).to.equal(504);
      expect((await fetch(`${server.url}/unheard`)).status).to.equal(500);
    });
  });
});
