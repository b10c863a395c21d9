import { expect } from "chai";
import {
  forwardedRecords,
  parseForwarded,
  xForwardedRecords,
  type ClientInfo,
} from "../../../lib/request/proxies.ts";
import { RequestHeaders } from "../../../lib/request/headers.ts";

type Fields = [name: string, value: string][];

const headers = (fields: Fields): RequestHeaders =>
  new RequestHeaders(fields.flat());

const hop = (
  address?: string,
  scheme?: ClientInfo["scheme"],
  host?: string,
): ClientInfo => ({
  address,
  scheme,
  host,
});

describe("The field Forwarded", () => {
  const good: [line: string, elements: Record<string, string>[]][] = [
    // The examples of RFC 7239, section 4.
    ['for="_gazonk"', [{ for: "_gazonk" }]],
    ['For="[2001:db8:cafe::17]:4711"', [{ for: "[2001:db8:cafe::17]:4711" }]],
    [
      "for=192.0.2.60;proto=http;by=203.0.113.43",
      [{ for: "192.0.2.60", proto: "http", by: "203.0.113.43" }],
    ],
    [
      "for=192.0.2.43, for=198.51.100.17",
      [{ for: "192.0.2.43" }, { for: "198.51.100.17" }],
    ],
    ["for=a,for=b", [{ for: "a" }, { for: "b" }]],
    ["for=a \t, \tfor=b", [{ for: "a" }, { for: "b" }]],
    ["for=a; proto=b", [{ for: "a", proto: "b" }]],
    ['for="a, for=b;c"', [{ for: "a, for=b;c" }]],
    [String.raw`for="a\"b\\c\d"`, [{ for: String.raw`a"b\cd` }]],
    ['for=""', [{ for: "" }]],
    ["for=a;", [{ for: "a" }]],
    ["for=a;;proto=b", [{ for: "a", proto: "b" }]],
    ["for=a,,for=b", [{ for: "a" }, {}, { for: "b" }]],
    ["", [{}]],
    ["secret=x;FOR=a", [{ secret: "x", for: "a" }]],
  ];
  for (const [line, elements] of good)
    it(`says ${JSON.stringify(elements)} by ${line}`, () =>
      expect(parseForwarded(line)?.map(Object.fromEntries)).to.deep.equal(
        elements,
      ));

  for (const line of [
    "for",
    "for=",
    "=a",
    "for =a",
    "for= a",
    'for="a',
    'for="a\\"',
    'for="a"b',
    "for=a b",
    "for=[::1]",
    "for=192.0.2.1:80",
    "for=a;for=b",
    "for=a;FOR=b",
    "for=ä",
    "for=a/b",
    "192.0.2.1",
    " ".repeat(20_000) + "!",
    `for="${"\\".repeat(20_001)}`,
  ])
    it(`is malformed: ${line.slice(0, 20)}`, () =>
      expect(parseForwarded(line)).to.equal(undefined));

  const told: [title: string, fields: Fields, hops: ClientInfo[]][] = [
    ["nothing where it is not there", [], []],
    [
      "the nearest hop first",
      [["forwarded", "for=192.0.2.1;host=a;proto=https, for=192.0.2.2"]],
      [hop("192.0.2.2"), hop("192.0.2.1", "https", "a")],
    ],
    [
      "the hops of several lines as if they were one",
      [
        ["forwarded", "for=192.0.2.1"],
        ["x-other", "for=192.0.2.9"],
        ["forwarded", "for=192.0.2.2, for=192.0.2.3"],
      ],
      [hop("192.0.2.3"), hop("192.0.2.2"), hop("192.0.2.1")],
    ],
    [
      "what stands behind a malformed line",
      [
        ["forwarded", "for=192.0.2.1"],
        ["forwarded", 'for="'],
        ["forwarded", "for=192.0.2.2"],
      ],
      [hop("192.0.2.2")],
    ],
  ];
  for (const [title, fields, hops] of told)
    it(`tells ${title}`, () =>
      expect([...forwardedRecords(headers(fields))]).to.deep.equal(hops));

  const nodes: [node: string, address: string | undefined][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["192.0.2.1:80", "192.0.2.1"],
    ["192.0.2.1:_port", "192.0.2.1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:DB8:0::1]:4711", "2001:db8::1"],
    ["[::ffff:192.0.2.1]", "192.0.2.1"],
    ["unknown", undefined],
    ["_hidden", undefined],
    ["_hidden:80", undefined],
    ["", undefined],
    ["256.0.0.1", undefined],
    ["192.0.2", undefined],
    ["192.0.2.01", undefined],
    ["0x7f.0.0.1", undefined],
    ["[192.0.2.1]", undefined],
    ["[2001:db8::1", undefined],
    ["[2001:db8::1]x", undefined],
    ["[fe80::1%eth0]", undefined],
    ["192.0.2.1:123456", undefined],
    ["example.org", undefined],
    ["192.0.2.1 ,192.0.2.2", undefined],
  ];
  for (const [node, address] of nodes)
    it(`${address === undefined ? "names no address" : `names ${address}`} by ${JSON.stringify(node)}`, () =>
      expect([
        ...forwardedRecords(headers([["forwarded", `for="${node}"`]])),
      ]).to.deep.equal([hop(address)]));

  const rest: [pair: string, found: ClientInfo][] = [
    ["proto=https", hop(undefined, "https")],
    ["proto=HTTP", hop(undefined, "http")],
    ["proto=ftp", hop()],
    ['proto="https, http"', hop()],
    ["host=example.org", hop(undefined, undefined, "example.org")],
    ['host="[::1]:8000"', hop(undefined, undefined, "[::1]:8000")],
    ['host=""', hop()],
    ['host="a/b"', hop()],
    ['host="a@b"', hop()],
    ['host="a:99999"', hop()],
  ];
  for (const [pair, found] of rest)
    it(`is read with care: ${pair}`, () =>
      expect([
        ...forwardedRecords(headers([["forwarded", pair]])),
      ]).to.deep.equal([found]));
});

describe("The fields X-Forwarded-*", () => {
  const told: [title: string, fields: Fields, hops: ClientInfo[]][] = [
    ["a hop of which nothing is known where there are none", [], [hop()]],
    [
      "the nearest hop first",
      [["x-forwarded-for", "192.0.2.1, 192.0.2.2 ,192.0.2.3:80"]],
      [hop("192.0.2.3"), hop("192.0.2.2"), hop("192.0.2.1")],
    ],
    [
      "the hops of several lines as if they were one",
      [
        ["x-forwarded-for", "192.0.2.1"],
        ["x-forwarded-for", "192.0.2.2"],
      ],
      [hop("192.0.2.2"), hop("192.0.2.1")],
    ],
    [
      "IPv6 with and without brackets",
      [["x-forwarded-for", "[2001:db8::1]:80, [2001:db8::2], 2001:DB8::3"]],
      [hop("2001:db8::3"), hop("2001:db8::2"), hop("2001:db8::1")],
    ],
    [
      "hops without an address, too",
      [["x-forwarded-for", "unknown, 192.0.2.1,, unix:"]],
      [hop(), hop(), hop("192.0.2.1"), hop()],
    ],
    [
      "scheme and host with the nearest hop",
      [
        ["x-forwarded-for", "192.0.2.1, 192.0.2.2"],
        ["x-forwarded-proto", "HTTPS"],
        ["x-forwarded-host", "example.org:8443"],
      ],
      [hop("192.0.2.2", "https", "example.org:8443"), hop("192.0.2.1")],
    ],
    [
      "the last scheme and host of several",
      [
        ["x-forwarded-proto", "https, http"],
        ["x-forwarded-host", "evil.example"],
        ["x-forwarded-host", "evil.example, example.org"],
      ],
      [hop(undefined, "http", "example.org")],
    ],
    [
      "no scheme and host that make no sense",
      [
        ["x-forwarded-proto", "javascript"],
        ["x-forwarded-host", "a b"],
      ],
      [hop()],
    ],
  ];
  for (const [title, fields, hops] of told)
    it(`tell ${title}`, () =>
      expect([...xForwardedRecords(headers(fields))]).to.deep.equal(hops));
});
