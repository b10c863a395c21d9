/** Bodies that are small to send and large to read: forms, JSON, and what is compressed. */
import { gzipSync } from "node:zlib";
import type { Attack, Size } from "../attack.ts";
import { Foe } from "../foe.ts";
import { countFates } from "../tactics.ts";

interface Bomb {
  name: string;
  path: string;
  type: string;
  encoding?: string;
  body: string;
  /** Status and body of the reply. */
  reply: string;
}

const URLENCODED = "application/x-www-form-urlencoded";
const MULTIPART = "multipart/form-data; boundary=b";
const GZIPPED = "415 send the body as it is, not content-encoding gzip";

const TOO_MANY = "400 the form has more than 1000 fields";
const TOO_LONG = "413 the body is longer than the 1048576 bytes allowed here";

const part = (name: string, value: string): string =>
  `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const parts = (count: number): string =>
  `${part("a", "").repeat(count)}--b--\r\n`;

/** Latin-1 text is what a connection sends. */
const zipped = (text: string): string => gzipSync(text).toString("latin1");
const MILLIONS = zipped("a=1&".repeat(10_000_000));

const BOMBS: Bomb[] = [
  {
    name: "a million fields",
    path: "/form",
    type: URLENCODED,
    body: "a&".repeat(1_000_000),
    reply: TOO_LONG,
  },
  {
    name: "a million fields where 64 MB are allowed",
    path: "/form/much",
    type: URLENCODED,
    body: "a&".repeat(1_000_000),
    reply: TOO_MANY,
  },
  {
    name: "as many fields as fit into 1 MiB",
    path: "/form",
    type: URLENCODED,
    body: "a&".repeat(2 ** 19),
    reply: TOO_MANY,
  },
  {
    name: "a key of 1 MiB that nests 350,000 deep",
    path: "/form",
    type: URLENCODED,
    body: "[a]".repeat(349_525),
    reply: "200 1 fields",
  },
  {
    name: "one key a thousand times",
    path: "/form",
    type: URLENCODED,
    body: "a[]=1&".repeat(1000),
    reply: "200 1000 fields",
  },
  {
    name: "100,000 parts",
    path: "/form",
    type: MULTIPART,
    body: parts(100_000),
    reply: TOO_LONG,
  },
  {
    name: "100,000 parts where 64 MB are allowed",
    path: "/form/much",
    type: MULTIPART,
    body: parts(100_000),
    reply: TOO_MANY,
  },
  {
    name: "a part with 1 MB of headers and no name",
    path: "/form",
    type: MULTIPART,
    body: `--b\r\n${"x: 1\r\n".repeat(170_000)}\r\n\r\n--b--\r\n`,
    reply:
      "400 the multipart form is malformed: a part has more than 64 KiB of header fields",
  },
  {
    name: "1 MB of what is nearly a boundary",
    path: "/form",
    type: MULTIPART,
    body: `${part("a", "\r\n--".repeat(250_000))}--b--\r\n`,
    reply: "200 1 fields",
  },
  {
    name: "40 MB of fields, gzipped: not decoded",
    path: "/form",
    type: URLENCODED,
    encoding: "gzip",
    body: MILLIONS,
    reply: GZIPPED,
  },
  {
    name: "40 MB of fields, gzipped: counted as sent",
    path: "/upload/async",
    type: URLENCODED,
    encoding: "gzip",
    body: MILLIONS,
    reply: `200 ${MILLIONS.length} bytes`,
  },
  {
    name: "JSON, gzipped: not decoded",
    path: "/json",
    type: "application/json",
    encoding: "gzip",
    body: zipped("[".repeat(10_000_000)),
    reply: GZIPPED,
  },
  {
    name: "JSON, 500,000 deep",
    path: "/json",
    type: "application/json",
    body: "[".repeat(500_000) + "]".repeat(500_000),
    reply: "200 object",
  },
];

async function explode(port: number, bomb: Bomb): Promise<string> {
  const foe = await Foe.connect(port);
  foe.request(
    `POST ${bomb.path}`,
    [
      `content-type: ${bomb.type}`,
      `content-length: ${bomb.body.length}`,
      ...(bomb.encoding === undefined
        ? []
        : [`content-encoding: ${bomb.encoding}`]),
    ],
    bomb.body,
  );
  await foe.until(/\r\n\r\n[^]/);
  foe.leave("reset");
  await foe.ended();
  const [, text = ""] = foe.head.split("\r\n\r\n");
  const found = `${foe.status} ${text.trim()}`;
  // A refusal is lost when the connection is reset under what is still being sent.
  const cut = foe.status === undefined && bomb.reply === TOO_LONG;
  if (cut || found.startsWith(bomb.reply)) return "answered as expected";
  return `${bomb.name}: ${found}`;
}

export function forms(size: Size): Attack {
  const rounds = { small: 1, full: 20 }[size];
  const count = rounds * BOMBS.length;
  return {
    name: "bombs in bodies",
    load: `${count} bodies of ${BOMBS.length} kinds: a million fields, 100,000 parts, gzip, deep JSON`,
    async run({ port }) {
      const found: string[] = [];
      for (let round = 0; round < rounds; round++)
        for (const bomb of BOMBS) found.push(await explode(port, bomb));
      return { fates: countFates(found, (fate) => fate) };
    },
    expectations: {
      fates: { "answered as expected": count },
      tally: { accepted: count, ok: count },
      growth: 300,
    },
  };
}
