/** A suite: what comes in several packets is understood as in one, where it is split at any byte or at each. */
import { expect } from "chai";
import { parseCase, readCorpus, type Case } from "./case.ts";
import { Connection } from "./connection.ts";
import { GAPS } from "./gaps.ts";
import { promised, seen } from "./outcome.ts";
import { play, turns, type Send } from "./play.ts";
import { type LISTENERS, type Server } from "./servers.ts";

const CORPUS = [...readCorpus("valid"), ...readCorpus("invalid")];

const SPLIT = [
  "valid/header-spaces-around",
  "valid/length",
  "valid/chunked",
  "valid/pipelined-gets",
  "valid/expect-with-body",
  "valid/target-percent-decoded-for-wsgi",
  "invalid/length-repeated",
].map((name) => CORPUS.find((one) => one.name === name)!);

/** The engine does otherwise with the same bytes in one packet: a reply is out before a mistake is found, or is not. */
const DEPENDING_ON_PACKETS = new Set([
  "valid/chunked-over-the-limit-then-another",
  "valid/chunked-extension-behind-a-space",
  "valid/chunked-trailer",
  "valid/connection-close-then-another",
  "valid/pipelined-before-a-malformed-one",
  "valid/pipelined-behind-a-pending-one",
  "valid/pipelined-behind-a-pending-one-after-a-good-one",
  "invalid/chunk-data-too-long",
  "invalid/chunk-size-with-carriage-return-alone",
  "invalid/chunk-size-with-space-behind",
]);

const SHORT = CORPUS.filter(
  ({ name, steps }) =>
    steps.length === 1 &&
    steps[0]!.send.length < 1000 &&
    GAPS[name] === undefined &&
    !DEPENDING_ON_PACKETS.has(name) &&
    !SPLIT.some((split) => split.name === name),
);

const splitAt =
  (at: number): Send =>
  async (connection, bytes) => {
    connection.send(bytes.slice(0, at));
    await turns();
    connection.send(bytes.slice(at));
  };

const byteByByte: Send = async (connection, bytes) => {
  for (const byte of bytes) {
    connection.send(byte);
    await turns();
  }
};

/** Shows in how many packets the server reads a body. */
const pieces = (count: number): Case =>
  parseCase(
    "pieces",
    `why\n>>>\nPOST /pieces HTTP/1.1\nHost: a\nContent-Length: 6\n\nabcdef\\\n<<<\n200\n| ${count}\nopen\n`,
  );

export function inFragments([
  engine,
  kind,
  start,
]: (typeof LISTENERS)[number]): void {
  describe(`In fragments, on ${kind} (${engine})`, () => {
    let server: Server;

    before(async () => {
      server = await start();
    });
    after(async () => expect(await server?.close()).to.deep.equal([]));

    const expectAsPromised = async (one: Case, send: Send): Promise<void> => {
      server.calls.length = 0;
      const connection = await Connection.open(server.target);
      const observed = await play(one, connection, server.calls, send);
      connection.end();
      expect(seen(one, observed)).to.deep.equal(promised(one));
    };

    it("two writes are two reads", async () => {
      const { length } = pieces(2).steps[0]!.send;
      await expectAsPromised(pieces(2), splitAt(length - 3));
      await expectAsPromised(pieces(6), byteByByte);
    });

    for (const one of SPLIT) {
      it(`${one.name} may be split at each byte`, async function () {
        this.timeout(20_000);
        const { length } = one.steps[0]!.send;
        for (let at = 1; at < length; at++)
          await expectAsPromised(one, splitAt(at));
      });

      it(`${one.name} may come byte by byte`, () =>
        expectAsPromised(one, byteByByte));
    }

    if (kind === "a port" && engine === "uws")
      for (const one of SHORT)
        it(`${one.name} may come byte by byte, too`, () =>
          expectAsPromised(one, byteByByte));
  });
}
