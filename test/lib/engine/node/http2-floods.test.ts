/** Connections of HTTP/2 whose clients break the protocol, or flood it: they end, and with them what they asked for. */
import { expect } from "chai";
import { suspend, type Operation } from "effection";
import { Gate } from "../../../support/gate.ts";
import { afterTest } from "../../../support/hooks.ts";
import {
  END_HEADERS,
  END_STREAM,
  field,
  frame,
  get,
  RawHttp2,
  request,
  reset,
  TYPE,
} from "../../../support/raw-http2.ts";
import { serveWith, type TestServer } from "../../../support/server.ts";

/** Error codes (RFC 9113, section 7). */
const INTERNAL_ERROR = 2;
const STREAM_CLOSED = 5;
const ENHANCE_YOUR_CALM = 11;

/** Node.js 20 keeps a connection that it has ended, until its clients have been silent for `idleTimeoutMs`. */
const IDLE_MS = 500;

/** A request that waits is on its way on the connection of each flood. */
const WAITING = 1;

const times = (count: number, make: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));

/** So many settings in one frame. */
const settings = (count: number): Buffer =>
  frame(
    TYPE.SETTINGS,
    0,
    0,
    times(count, () => Buffer.from([0, 3, 0, 0, 0, 100])),
  );

/** Bytes that a client sends, behind a request that waits. */
const BREACHES: Record<string, Buffer> = {
  "a burst of resets, a thousand and more": times(1200, (i) =>
    Buffer.concat([request(2 * i + 3), reset(2 * i + 3)]),
  ),
  "CONTINUATION without an end": Buffer.concat([
    frame(TYPE.HEADERS, END_STREAM, 3, get()),
    times(20, () => frame(TYPE.CONTINUATION, 0, 3, field("x", "y"))),
  ]),
  "CONTINUATION without an end, nor a field": Buffer.concat([
    frame(TYPE.HEADERS, END_STREAM, 3, get()),
    times(20, () => frame(TYPE.CONTINUATION, 0, 3)),
  ]),
  "a frame of many settings": settings(33),
  "a body behind the end of a request": frame(TYPE.DATA, END_STREAM, WAITING),
  "a thousand malformed requests": times(1200, (i) =>
    frame(
      TYPE.HEADERS,
      END_STREAM | END_HEADERS,
      2 * i + 3,
      Buffer.concat([get(), field("X", "in upper case")]),
    ),
  ),
  "a thousand requests and more beyond those that it may have": times(
    1400,
    (i) => request(2 * i + 3, "/waits"),
  ),
};

/** Acknowledgements that are not read. */
const UNREAD: Record<string, Buffer> = {
  settings: times(300_000, () => frame(TYPE.SETTINGS, 0, 0)),
  pings: times(300_000, () => frame(TYPE.PING, 0, 0, Buffer.alloc(8))),
};

describe("A flood by HTTP/2", () => {
  async function begin(): Promise<[TestServer, RawHttp2]> {
    const inside = new Gate();
    const server = await serveWith(
      (loop) =>
        loop
          .get("/", () => "hello")
          .get("/waits", function* (): Operation<string> {
            inside.open();
            return (yield* suspend()) as never;
          }),
      { idleTimeoutMs: IDLE_MS, drainTimeoutMs: 1000 },
      { http2: true },
    );
    const client = await RawHttp2.connect(server.port);
    afterTest(() => client.abort());
    client.send(request(WAITING, "/waits"));
    await inside.opened;
    return [server, client];
  }

  /** Nothing of the connection is left, and others are served. */
  async function isOver({ loop, port }: TestServer): Promise<void> {
    while (loop.tasks().exchanges.length > 0 || loop.connections.open > 0)
      await new Promise(setImmediate);
    const other = await RawHttp2.connect(port);
    other.send(request(1));
    const { payload } = await other.until(({ type }) => type === TYPE.DATA);
    expect(String(payload)).to.equal("hello");
    other.abort();
  }

  for (const [what, bytes] of Object.entries(BREACHES))
    it(`ends its connection, and what was asked for there: ${what}`, async () => {
      const [server, client] = await begin();
      client.send(bytes);
      const code = await client.untilClosed();
      expect(code).to.be.oneOf([
        INTERNAL_ERROR,
        STREAM_CLOSED,
        ENHANCE_YOUR_CALM,
      ]);
      await isOver(server);
    });

  for (const [what, bytes] of Object.entries(UNREAD))
    it(`of ${what} whose acknowledgements are not read ends its connection`, async () => {
      const [server, client] = await begin();
      client.socket.pause();
      client.send(bytes);
      await isOver(server);
    });

  it("that is none: a client that waits for its reply answers a PING, and is served", async () => {
    const [server, client] = await begin();
    await client.until(({ type }) => type === TYPE.PING);
    const { payload } = client.frames.at(-1)!;
    client.send(frame(TYPE.PING, 1, 0, payload), request(3));
    await client.until(
      ({ type, stream }) => type === TYPE.DATA && stream === 3,
    );
    expect(server.loop.tasks().exchanges).to.have.lengthOf(1);
  });

  it("that is none: of a client that does not, nothing is left", async () => {
    const [server, client] = await begin();
    await client.until(({ type }) => type === TYPE.PING);
    await client.untilClosed();
    await isOver(server);
  });
});
