import { expect } from "chai";
import { formatAddress, urlHost } from "../../../lib/common/address.ts";

/** The bytes of an IPv6 address that is written in full. */
function ipv6(groups: string): Uint8Array {
  return Buffer.from(groups.replaceAll(":", ""), "hex");
}

describe("An address", () => {
  const written: [title: string, bytes: Uint8Array, text: string][] = [
    ["IPv4 in decimals", Uint8Array.of(127, 0, 0, 1), "127.0.0.1"],
    ["IPv4 up to 255", Uint8Array.of(255, 0, 10, 9), "255.0.10.9"],
    [
      "IPv4 in IPv6 clothes as IPv4",
      ipv6("0000:0000:0000:0000:0000:ffff:c000:0201"),
      "192.0.2.1",
    ],
    [
      "IPv6 without its zeros",
      ipv6("2001:0db8:0000:0000:0000:0000:0000:0001"),
      "2001:db8::1",
    ],
    [
      "the loopback address",
      ipv6("0000:0000:0000:0000:0000:0000:0000:0001"),
      "::1",
    ],
    ["no IPv6 address", ipv6("0000:0000:0000:0000:0000:0000:0000:0000"), "::"],
    [
      "the longest of two runs of zeros as ::",
      ipv6("2001:0000:0000:0001:0000:0000:0000:0001"),
      "2001:0:0:1::1",
    ],
    [
      "what only ends like IPv4",
      ipv6("0000:0000:0000:0000:0000:ff00:c000:0201"),
      "::ff00:c000:201",
    ],
    [
      "what only looks like IPv4",
      ipv6("0001:0000:0000:0000:0000:ffff:c000:0201"),
      "1::ffff:c000:201",
    ],
    [
      "an IPv4-compatible address as IPv6",
      ipv6("0000:0000:0000:0000:0000:0000:c000:0201"),
      "::c000:201",
    ],
    [
      "hexadecimal digits in lower case",
      ipv6("fe80:0000:0000:0000:ABCD:0EF0:0012:ffff"),
      "fe80::abcd:ef0:12:ffff",
    ],
    ["no address at all as nothing", new Uint8Array(0), ""],
    ["bytes of another length as nothing", new Uint8Array(7), ""],
  ];
  for (const [title, bytes, text] of written)
    it(`is written: ${title}`, () =>
      expect(formatAddress(bytes)).to.equal(text));

  const hosts: [host: string, inUrl: string][] = [
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "[::1]"],
    ["2001:db8::1", "[2001:db8::1]"],
    ["example.org", "example.org"],
  ];
  for (const [host, inUrl] of hosts)
    it(`is ${inUrl} in a URL`, () => expect(urlHost(host)).to.equal(inUrl));
});
