import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { expect } from "chai";
import { fetch as fetchApp } from "../../../adapters/fetch.ts";
import { json, Loop, UsageError } from "../../../lib/index.ts";
import { serveWith, type TestServer } from "../../support/server.ts";

const LIMIT = 100_000;

const serve = (): Promise<TestServer> =>
  serveWith(
    (loop) =>
      loop
        .post("/text", (request) => request.text())
        .post("/json", async (request) => json(await request.json()))
        .post("/form", async (request) =>
          json([...((await request.form()) as Iterable<unknown>)]),
        )
        .post("/bytes", (request) => request.bytes())
        .post("/inflated", (request) => request.text(), {
          inflateBodies: true,
        }),
    { maxBodyBytes: LIMIT },
  );

async function post(
  path: string,
  body: Uint8Array | string,
  headers: Record<string, string>,
): Promise<[status: number, text: string]> {
  const { url } = await serve();
  const bytes = Buffer.from(body as string);
  const init = { method: "POST", body: bytes, headers };
  const response = await fetch(`${url}${path}`, init);
  const read = Buffer.from(await response.arrayBuffer()).toString();
  return [response.status, read];
}

const typed = (type: string): Record<string, string> => ({
  "content-type": type,
});
const coded = (coding: string): Record<string, string> => ({
  "content-type": "text/plain",
  "content-encoding": coding,
});

describe("A body that is read as text", () => {
  const cases: [
    title: string,
    path: string,
    body: string | Uint8Array,
    type: string,
    status: number,
    text: string,
  ][] = [
    ["text with a byte order mark", "/text", "\ufeffa", "text/plain", 200, "a"],
    ["text with two", "/text", "\ufeff\ufeffa", "text/plain", 200, "\ufeffa"],
    [
      "JSON with a byte order mark",
      "/json",
      "\ufeff[1]",
      "text/json",
      200,
      "[1]",
    ],
    [
      "JSON that says latin-1, which Request.json() takes",
      "/json",
      '"é"',
      "application/json; charset=ISO-8859-1",
      200,
      '"é"',
    ],
    [
      "JSON with bytes that are not UTF-8, which Request.json() takes",
      "/json",
      Buffer.from('"\xe9"', "latin1"),
      "application/json",
      200,
      '"\ufffd"',
    ],
    [
      "a URL-encoded form with a byte order mark",
      "/form",
      "\ufeffa=1",
      "application/x-www-form-urlencoded",
      200,
      '[["a","1"]]',
    ],
    ["text in UTF-8", "/text", "é", "text/plain; charset=UTF-8", 200, "é"],
    [
      "text in another charset",
      "/text",
      Buffer.from("\xe9", "latin1"),
      "text/plain; charset=ISO-8859-1",
      415,
      "send UTF-8, not charset ISO-8859-1\n",
    ],
    [
      "text in another charset, in quotes",
      "/text",
      "a",
      'text/plain; charset="utf-16"',
      415,
      "send UTF-8, not charset utf-16\n",
    ],
    [
      "text in another charset, with spaces",
      "/text",
      "a",
      "text/plain; charset = latin1",
      415,
      "send UTF-8, not charset latin1\n",
    ],
    [
      "text of two types",
      "/text",
      "a",
      'text/plain, text/html; charset = "latin1"',
      415,
      "send UTF-8, not charset latin1\n",
    ],
    [
      "text of no type, in another charset",
      "/text",
      "a",
      "charset=latin1",
      415,
      "send UTF-8, not charset latin1\n",
    ],
    [
      "text of a type that is none, in UTF-8",
      "/text",
      "é",
      "text; charset=utf-8",
      200,
      "é",
    ],
    [
      "text whose type speaks of a charset in quotes",
      "/text",
      "a",
      'text/plain; title="a; charset=latin1"',
      200,
      "a",
    ],
    [
      "a form in another charset, of a type with spaces",
      "/form",
      "a=%E9",
      "application/x-www-form-urlencoded; charset = windows-1252",
      415,
      "send UTF-8, not charset windows-1252\n",
    ],
    [
      "a form in another charset",
      "/form",
      "a=%E9",
      "application/x-www-form-urlencoded; charset=windows-1252",
      415,
      "send UTF-8, not charset windows-1252\n",
    ],
    [
      "a form whose field _charset_ names another one",
      "/form",
      "_charset_=windows-1252&a=%E9",
      "application/x-www-form-urlencoded",
      415,
      "send UTF-8, not charset windows-1252\n",
    ],
    [
      "a form that is not UTF-8",
      "/form",
      "a=%E9",
      "application/x-www-form-urlencoded",
      400,
      "the form has text that is not UTF-8\n",
    ],
  ];
  for (const [title, path, body, type, status, text] of cases)
    it(`answers ${status} to ${title}`, async () => {
      expect(await post(path, body, typed(type))) //
        .to.deep.equal([status, text]);
    });
});

describe("A compressed body", () => {
  const codings: [coding: string, compress: (data: string) => Uint8Array][] = [
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["GZIP", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ];
  for (const [coding, compress] of codings) {
    it(`is inflated where the mount asks for it: ${coding}`, async () => {
      expect(await post("/inflated", compress("hello"), coded(coding))) //
        .to.deep.equal([200, "hello"]);
    });

    it(`may not become more than maxBodyBytes: ${coding}`, async () => {
      const large = compress("x".repeat(LIMIT));
      expect((await post("/inflated", large, coded(coding)))[0]).to.equal(200);
      const larger = compress("x".repeat(LIMIT + 1));
      expect(await post("/inflated", larger, coded(coding))) //
        .to.deep.equal([
          413,
          `the body is longer than the ${LIMIT} bytes allowed here\n`,
        ]);
    });

    it(`is answered with 415 elsewhere: ${coding}`, async () => {
      expect(await post("/text", compress("hello"), coded(coding))) //
        .to.deep.equal([
          415,
          `send the body as it is, not content-encoding ${coding}\n`,
        ]);
    });
  }

  it("that is damaged is answered with 400", async () => {
    expect(await post("/inflated", "hello", coded("gzip"))) //
      .to.deep.equal([400, "the body is not valid gzip\n"]);
  });

  it("in a coding that is not known, or in two, is answered with 415", async () => {
    for (const coding of ["zstd", "gzip, br"])
      expect(await post("/inflated", "hello", coded(coding))) //
        .to.deep.equal([
          415,
          `send gzip, deflate, br or the body as it is, not content-encoding ${coding}\n`,
        ]);
  });

  it("that is identity is as it is", async () => {
    for (const coding of ["identity", "Identity", ""])
      expect(await post("/text", "hello", coded(coding))) //
        .to.deep.equal([200, "hello"]);
  });

  it("cannot be inflated for an application that reads it by itself", () => {
    const mount = (): unknown =>
      new Loop({ log: false }).mount(
        fetchApp(() => new Response()),
        { inflateBodies: true },
      );
    expect(mount).to.throw(UsageError, /bodies as they were sent/);
  });

  it("is given as it was sent to who reads its bytes", async () => {
    const [status, text] = await post("/bytes", "as sent", coded("gzip"));
    expect([status, text]).to.deep.equal([200, "as sent"]);
  });
});
