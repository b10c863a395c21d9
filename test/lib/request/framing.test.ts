import { expect } from "chai";
import { MalformedRequestError } from "../../../lib/common/errors.ts";
import { Framing } from "../../../lib/request/framing.ts";
import { HAS_UWS, itOnUws } from "../../support/native.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";

/** Header lines, as the engine gives them. */
function raw(...lines: string[]): string[] {
  return lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1)];
  });
}

const MALFORMED: Record<string, string[]> = {
  "two lengths": ["content-length:3", "content-length:4"],
  "the same length twice": ["content-length:3", "content-length:3"],
  "an empty length": ["content-length:"],
  "an empty length before another": ["content-length:", "content-length:3"],
  "a length with a sign": ["content-length:+3"],
  "a hexadecimal length": ["content-length:0x3"],
  "a list of lengths": ["content-length:3, 3"],
  "a length that no number holds exactly": ["content-length:9007199254740993"],
  "a length and chunks": ["content-length:3", "transfer-encoding:chunked"],
  "chunks and a length": ["transfer-encoding:chunked", "content-length:3"],
  "chunks twice": ["transfer-encoding:chunked", "transfer-encoding:chunked"],
  "another coding": ["transfer-encoding:xchunked"],
  "a list of codings": ["transfer-encoding:gzip, chunked"],
  "chunks in capitals": ["transfer-encoding:CHUNKED"],
  "an empty coding": ["transfer-encoding:"],
  "a host with a space": ["host:a b"],
  "a host with a path": ["host:a/b"],
  "a host with a query": ["host:a?b"],
  "a host with a user": ["host:user@a"],
  "a host with a port that is none": ["host:a:65536"],
  "a host with a name for a port": ["host:a:http"],
  "a host with two ports": ["host:a:1:2"],
  "an IPv6 address without brackets": ["host:::1"],
  "a bracket that is not closed": ["host:[::1"],
  "a bracket around something else": ["host:[:::1:::]"],
  "a bad escape in a host": ["host:a%2"],
  "a DEL in a value": ["x:a\x7fb"],
};

const HOSTS = [
  "",
  "a",
  "example.org",
  "example.org:",
  "example.org:8000",
  "example.org:65535",
  "127.0.0.1:80",
  "[::1]",
  "[::1]:8000",
  "[::ffff:127.0.0.1]:1",
  "a_b~c!",
  "%c3%a9.example",
];

const frameOf: Framing["frameOf"] = (raw) => new Framing().frameOf(raw);

describe("The frame of a request", () => {
  for (const [what, lines] of Object.entries(MALFORMED))
    it(`is malformed by ${what}`, () => {
      expect(() => frameOf(raw(...lines))).to.throw(MalformedRequestError);
    });

  for (const host of HOSTS)
    it(`may have the host "${host}"`, () => {
      expect(frameOf(raw(`host:${host}`)).bodyLength).to.equal(0);
    });

  it("is looked at again when the host is not the one before, or the field not the host", () => {
    const framing = new Framing();
    const bad = (...lines: string[]) =>
      expect(() => framing.frameOf(raw(...lines))).to.throw(
        MalformedRequestError,
      );
    framing.frameOf(raw("host:a"));
    framing.frameOf(raw("host:a"));
    bad("host:a b");
    framing.frameOf(raw("host:1"));
    expect(framing.frameOf(raw("content-length:1")).bodyLength).to.equal(1);
    framing.frameOf(raw("host:chunked", "transfer-encoding:chunked"));
    bad("host:a b");
    bad("host:a\x7f");
  });

  it("tells the length of the body", () => {
    const bodyLength = (...lines: string[]): unknown =>
      frameOf(raw(...lines)).bodyLength;
    expect(bodyLength("host:a", "accept:*/*")).to.equal(0);
    expect(bodyLength("content-length:0")).to.equal(0);
    expect(bodyLength("content-length:12")).to.equal(12);
    expect(bodyLength("transfer-encoding:chunked")).to.equal("chunked");
  });

  for (const [value, close] of Object.entries({
    "keep-alive": false,
    "x-close, TE": false,
    "TE, close": true,
    "Close , te": true,
    "a,close,b": true,
  }))
    it(`${close ? "closes" : "keeps"} the connection by "${value}"`, () => {
      expect(frameOf(raw(`connection:${value}`)).close).to.equal(close);
    });
});

describe("A malformed request", () => {
  it("is answered 400 and ends the connection; nothing behind it is looked at", async () => {
    const seen: string[] = [];
    const server = await serveWith((loop) =>
      loop.mount((request) => {
        seen.push(request.path);
        return "ok";
      }),
    );
    const client = await RawClient.connect(server.port);
    client.request("GET /before");
    client.request("POST /bad", ["Content-Length: 3", "Content-Length: 4"]);
    client.request("GET /behind").request("GET /behind");
    const received = await client.untilClosed();
    expect(received.match(/HTTP\/1.1 \d+/g)).to.deep.equal([
      "HTTP/1.1 200",
      "HTTP/1.1 400",
    ]);
    expect(received).to.match(/connection: close\r\n/i);
    if (HAS_UWS) expect(received).to.match(/announced twice\n(\r\n)+$/); // node:http refuses it by itself, in no words
    expect(seen).to.deep.equal(["/before"]);
  });

  for (const [what, line] of Object.entries({
    "a method that is no token": "G@T /",
    "a fragment in its path": "GET /a#b",
    "a DEL in its path": "GET /a\x7fb",
  }))
    it(`is one with ${what}`, async () => {
      const server = await serveWith((loop) => loop.mount(() => "ok"));
      const client = await RawClient.connect(server.port);
      const received = await client.request(line).untilClosed();
      expect(received).to.match(/^HTTP\/1.1 400 /);
    });

  itOnUws("counts as one exchange, and has its access line", async () => {
    const server = await serveWith((loop) => loop.mount(() => "ok"), {
      accessLog: true,
    });
    const client = await RawClient.connect(server.port);
    await client.request("GET /", ["Content-Length: x"]).untilClosed();
    expect(server.accessLines.map((line) => line.status)).to.deep.equal([400]);
    expect((await server.loop.close()).tally).to.include({
      accepted: 1,
      ok: 1,
    });
  });
});
