import { expect } from "chai";
import { createHash } from "node:crypto";
import { json, type Handler } from "../../../lib/index.ts";
import { serveWith } from "../../support/server.ts";

const hashOf = (bytes: ArrayBuffer): string =>
  createHash("sha256").update(Buffer.from(bytes)).digest("hex");

/** Answers with what the form has: text as it is, files as name, type, size and hash. */
const describeForm: Handler = async (request) => {
  const entries = [...(await request.form())].map(async ([name, value]) =>
    typeof value === "string"
      ? [name, value]
      : [
          name,
          value.name,
          value.type,
          value.size,
          hashOf(await value.arrayBuffer()),
        ],
  );
  return json(await Promise.all(entries));
};

interface Answer {
  status: number;
  text: string;
}

async function send(body: BodyInit | null, type?: string): Promise<Answer> {
  const server = await serveWith((loop) => loop.mount(describeForm), {
    maxBodyBytes: Infinity,
  });
  const headers = type === undefined ? {} : { "content-type": type };
  const init = { method: "POST", body, headers };
  const response = await fetch(server.url, init);
  return { status: response.status, text: await response.text() };
}

async function sendForm(body: BodyInit, type?: string): Promise<unknown> {
  const { status, text } = await send(body, type);
  expect(status, text).to.equal(200);
  return JSON.parse(text) as unknown;
}

const URLENCODED = "application/x-www-form-urlencoded";
const MULTIPART = "multipart/form-data; boundary=X";

/** A part for MULTIPART: header lines, and the content. */
function part(
  disposition: string,
  content: string,
  ...lines: string[]
): string {
  const head = [`Content-Disposition: form-data${disposition}`, ...lines];
  return `--X\r\n${head.join("\r\n")}\r\n\r\n${content}\r\n`;
}

function fileEntry(
  name: string,
  filename: string,
  type: string,
  content: Uint8Array<ArrayBuffer>,
): unknown[] {
  return [name, filename, type, content.length, hashOf(content.slice().buffer)];
}

describe("A form", () => {
  const urlencoded: [
    title: string,
    body: string,
    type: string,
    entries: unknown,
  ][] = [
    [
      "fields",
      "a=1&b=2",
      URLENCODED,
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ],
    [
      "escapes",
      "a%20b=%C3%A9+%26&c",
      URLENCODED,
      [
        ["a b", "é &"],
        ["c", ""],
      ],
    ],
    [
      "repeated names",
      "a=1&a=2",
      URLENCODED,
      [
        ["a", "1"],
        ["a", "2"],
      ],
    ],
    ["UTF-8 as it is", "a=é", URLENCODED, [["a", "é"]]],
    ["a charset", "a=1", `${URLENCODED}; charset=UTF-8`, [["a", "1"]]],
    ["a type in capitals", "a=1", URLENCODED.toUpperCase(), [["a", "1"]]],
    ["nothing", "", URLENCODED, []],
  ];
  for (const [title, body, type, entries] of urlencoded)
    it(`that is URL-encoded may have ${title}`, async () => {
      expect(await sendForm(body, type)).to.deep.equal(entries);
    });

  it("that is multipart has its fields and files in the order they were sent", async () => {
    const png = Uint8Array.from({ length: 100_000 }, (_, i) => i % 256);
    const form = new FormData();
    form.append("first", "1");
    form.append("file", new File([png], "a b.png", { type: "image/png" }));
    form.append("between", "Zoë\r\n\u{1f600}");
    form.append("file", new File([], "Zoë.txt", { type: "text/plain" }));
    form.append("last", "");
    form.append("n".repeat(200), "x".repeat(2_000_000));
    expect(await sendForm(form)).to.deep.equal([
      ["first", "1"],
      fileEntry("file", "a b.png", "image/png", png),
      ["between", "Zoë\r\n\u{1f600}"],
      fileEntry("file", "Zoë.txt", "text/plain", new Uint8Array()),
      ["last", ""],
      ["n".repeat(200), "x".repeat(2_000_000)],
    ]);
  });

  const ONE = Uint8Array.of(0x31);
  const multipart: [
    title: string,
    body: string,
    entries: unknown,
    type?: string,
  ][] = [
    ["a part", `${part('; name="a"', "1")}--X--\r\n`, [["a", "1"]]],
    ["no last line break", `${part('; name="a"', "1")}--X--`, [["a", "1"]]],
    [
      "a preamble and an epilogue",
      `hello\r\n${part('; name="a"', "1")}--X--\r\nbye`,
      [["a", "1"]],
    ],
    ["no part", "--X--\r\n", []],
    [
      "a quoted boundary",
      `${part('; name="a"', "1")}--X--`,
      [["a", "1"]],
      'multipart/form-data; boundary="X"',
    ],
    [
      "a type in capitals",
      `${part('; name="a"', "1")}--X--`,
      [["a", "1"]],
      "Multipart/Form-Data; Boundary=X",
    ],
    [
      "the file of an input that was left empty",
      `${part('; name="a"; filename=""', "", "Content-Type: application/octet-stream")}--X--`,
      [fileEntry("a", "", "application/octet-stream", new Uint8Array())],
    ],
    [
      "a file without a type",
      `${part('; name="a"; filename="f"', "1")}--X--`,
      [fileEntry("a", "f", "text/plain", ONE)],
    ],
    [
      "names that every object has",
      `${part('; name="__proto__"', "1")}--X--`,
      [["__proto__", "1"]],
    ],
    [
      "a typed field without a file name",
      `${part('; name="a"', "1", "Content-Type: application/octet-stream")}--X--`,
      [["a", "1"]],
    ],
  ];
  for (const [title, body, entries, type = MULTIPART] of multipart)
    it(`that is multipart may have ${title}`, async () => {
      expect(await sendForm(body, type)).to.deep.equal(entries);
    });

  it("brings a large file byte by byte", async function () {
    this.timeout(30_000);
    const large = new Uint8Array(20_000_000);
    for (let i = 0; i < large.length; i++) large[i] = (i * 31 + (i >> 8)) % 251;
    const form = new FormData();
    form.append("file", new File([large], "large"));
    const type = "application/octet-stream";
    expect(await sendForm(form)).to.deep.equal([
      fileEntry("file", "large", type, large),
    ]);
  });

  const CUT = "it ends within a part";
  const malformed: [title: string, how: string, body: string, type?: string][] =
    [
      [
        "has no boundary in its type",
        "its content-type has no boundary",
        part('; name="a"', "1"),
        "multipart/form-data",
      ],
      [
        "has another boundary",
        "its boundary is not in it",
        part('; name="a"', "1"),
        "multipart/form-data; boundary=Y",
      ],
      ["is empty", "its boundary is not in it", ""],
      ["is no multipart at all", "its boundary is not in it", "hello"],
      [
        "ends in the head of a part",
        CUT,
        "--X\r\nContent-Disposition: form-data; na",
      ],
      ["ends in a field", CUT, part('; name="a"', "1").slice(0, -2)],
      [
        "ends in a file",
        CUT,
        part('; name="a"; filename="f"', "1").slice(0, -2),
      ],
      ["ends after a part", CUT, part('; name="a"', "1")],
      [
        "ends where the next part begins",
        CUT,
        `${part('; name="a"', "1")}--X\r\n`,
      ],
      [
        "has a part without a name",
        "a part has no name",
        `${part("", "1")}--X--`,
      ],
    ];
  for (const [title, how, body, type = MULTIPART] of malformed)
    it(`that is multipart and ${title} is answered with 400`, async () => {
      expect(await send(body, type)).to.deep.equal({
        status: 400,
        text: `the multipart form is malformed: ${how}\n`,
      });
    });

  const others: [
    body: string | null,
    type: string | undefined,
    shown: string,
  ][] = [
    ["{}", "application/json", "application/json"],
    ["a=1", "text/plain; charset=utf-8", "text/plain"],
    ["a=1", "multipart/mixed; boundary=X", "multipart/mixed"],
    [null, undefined, "a body without a content-type"],
  ];
  for (const [body, type, shown] of others)
    it(`that is ${shown} is answered with 415`, async () => {
      expect(await send(body, type)).to.deep.equal({
        status: 415,
        text: `send application/x-www-form-urlencoded or multipart/form-data, not ${shown}\n`,
      });
    });

  const counted: [title: string, make: (count: number) => BodyInit][] = [
    [
      "URL-encoded fields",
      (count) => new URLSearchParams("a=1&".repeat(count)),
    ],
    ["fields", (count) => fill(count, () => "1")],
    ["files", (count) => fill(count, () => new File(["1"], "f"))],
  ];
  for (const [title, make] of counted)
    it(`may have 1000 ${title}, but not one more`, async () => {
      expect(await sendForm(make(1000))).to.have.length(1000);
      expect(await send(make(1001))).to.deep.equal({
        status: 400,
        text: "the form has more than 1000 fields\n",
      });
    });
});

function fill(count: number, value: () => string | File): FormData {
  const form = new FormData();
  for (let i = 0; i < count; i++) form.append("a", value() as string);
  return form;
}
