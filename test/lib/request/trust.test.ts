import { expect } from "chai";
import { isTrustEntry, Proxies } from "../../../lib/request/proxies.ts";

describe("A trusted peer", () => {
  const cases: [list: string[], address: string, trusted: boolean][] = [
    [["192.0.2.7"], "192.0.2.7", true],
    [["192.0.2.7"], "192.0.2.8", false],
    [["192.0.2.0/24"], "192.0.2.255", true],
    [["192.0.2.0/24"], "192.0.3.0", false],
    [["192.0.2.128/25"], "192.0.2.127", false],
    [["192.0.2.7/0"], "203.0.113.1", true],
    [["192.0.2.7/0"], "2001:db8::1", false],
    [["2001:db8::/32"], "2001:db8:ffff::1", true],
    [["2001:db8::/32"], "2001:db9::1", false],
    [["2001:db8::1"], "2001:db8::1", true],
    [["2001:DB8:0:0::1"], "2001:db8::1", true],
    [["::/0"], "192.0.2.7", false],
    [["::ffff:192.0.2.0/120"], "192.0.2.7", true],
    [["::ffff:192.0.2.0/120"], "192.0.3.7", false],
    [["loopback"], "127.0.0.1", true],
    [["loopback"], "127.255.0.9", true],
    [["loopback"], "::1", true],
    [["loopback"], "10.0.0.1", false],
    [["private"], "10.255.0.1", true],
    [["private"], "172.16.0.1", true],
    [["private"], "172.32.0.1", false],
    [["private"], "192.168.9.9", true],
    [["private"], "fd00::1", true],
    [["private"], "fe80::1", false],
    [["private"], "127.0.0.1", false],
    [["private"], "100.64.0.1", false],
    [["10.0.0.1", "unix", "loopback"], "::1", true],
    [["unix"], "", true],
    [["unix"], "127.0.0.1", false],
    [["0.0.0.0/0", "::/0"], "", false],
    [[], "127.0.0.1", false],
  ];
  for (const [list, address, trusted] of cases)
    it(`is ${trusted ? "" : "not "}${address || "that of a Unix socket"} with ${list.join(", ") || "an empty list"}`, () =>
      expect(new Proxies(list, "forwarded").trust(address)).to.equal(trusted));

  for (const entry of [
    "localhost",
    "",
    "Loopback",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0/8",
    "127.1",
    "0x7f000001",
    "010.0.0.1",
    "2001:db8::/129",
    "fe80::1%eth0",
    "[::1]",
    "10.0.0.1:80",
    "10.0.0.0/255.0.0.0",
    " 10.0.0.1",
    "constructor",
    5,
    null,
  ])
    it(`cannot be named ${JSON.stringify(entry)}`, () =>
      expect(isTrustEntry(entry)).to.equal(false));
});
