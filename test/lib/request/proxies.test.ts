import { expect } from "chai";
import { RequestHeaders } from "../../../lib/request/headers.ts";
import type { Peer } from "../../../lib/engine/engine.ts";
import { Proxies, proxiesFrom } from "../../../lib/request/proxies.ts";

const CLIENT = "203.0.113.9";

const peer = (address: string | undefined, proxied?: string): Peer => ({
  address,
  proxiedAddress: proxied,
});

describe("Proxies", () => {
  const walks: [title: string, from: Peer, field: string, address: string][] = [
    ["are not asked when the peer is none", peer(CLIENT), "192.0.2.1", CLIENT],
    ["name the client", peer("10.0.0.1"), CLIENT, CLIENT],
    [
      "name the client behind several of them",
      peer("10.0.0.1"),
      `${CLIENT}, 10.0.0.3, 10.0.0.2`,
      CLIENT,
    ],
    [
      "are believed no further than they are trusted",
      peer("10.0.0.1"),
      `192.0.2.1, ${CLIENT}, 10.0.0.2`,
      CLIENT,
    ],
    [
      "are not believed for what a stranger between them says",
      peer("10.0.0.1"),
      `192.0.2.1, 10.0.0.3, ${CLIENT}, 10.0.0.2`,
      CLIENT,
    ],
    ["name one of their own", peer("10.0.0.1"), "10.0.0.3", "10.0.0.3"],
    ["say nothing", peer("10.0.0.1"), "", "10.0.0.1"],
    ["do not know it", peer("10.0.0.1"), "192.0.2.1, unknown", "10.0.0.1"],
    [
      "do not know it, a hop further",
      peer("10.0.0.1"),
      "192.0.2.1, _hidden, 10.0.0.2",
      "10.0.0.2",
    ],
    ["are reached by a Unix socket", peer(""), `1.2.3.4, ${CLIENT}`, CLIENT],
  ];
  for (const [title, from, field, address] of walks) {
    it(`${title}, by X-Forwarded-For`, () => {
      const proxies = new Proxies(["10.0.0.0/8", "unix"], "x-forwarded");
      const headers = new RequestHeaders(["x-forwarded-for", field]);
      expect(proxies.ask(from, headers).address).to.equal(address);
    });

    it(`${title}, by Forwarded`, () => {
      const proxies = new Proxies(["10.0.0.0/8", "unix"], "forwarded");
      const line = field.replace(/[^, ]+/g, "for=$&");
      const headers = new RequestHeaders(["forwarded", line]);
      expect(proxies.ask(from, headers).address).to.equal(address);
    });
  }

  it("are not asked when nobody knows the peer", () => {
    const proxies = new Proxies(["unix", "0.0.0.0/0"], "x-forwarded");
    const headers = new RequestHeaders(["x-forwarded-for", CLIENT]);
    expect(proxies.ask(peer(undefined), headers).address).to.equal(undefined);
  });

  it("tell the scheme and host that the outermost of them was asked for", () => {
    const proxies = new Proxies(["10.0.0.0/8"], "forwarded");
    const headers = new RequestHeaders([
      "forwarded",
      `for=192.0.2.1;proto=http;host=evil, for=${CLIENT};proto=https;host=a`,
      "forwarded",
      "for=10.0.0.2;proto=http;host=b",
    ]);
    expect(proxies.ask(peer("10.0.0.1"), headers)).to.deep.equal({
      address: CLIENT,
      scheme: "https",
      host: "a",
    });
  });

  it("tell scheme and host without knowing the client", () => {
    const proxies = new Proxies(["10.0.0.1"], "forwarded");
    const headers = new RequestHeaders(["forwarded", "proto=https;host=a"]);
    expect(proxies.ask(peer("10.0.0.1"), headers)).to.deep.equal({
      address: "10.0.0.1",
      scheme: "https",
      host: "a",
    });
  });

  const everything = new RequestHeaders([
    "x-forwarded-for",
    "192.0.2.1",
    "forwarded",
    "for=192.0.2.2",
  ]);

  for (const [header, address] of [
    ["x-forwarded", "192.0.2.1"],
    ["forwarded", "192.0.2.2"],
    ["proxy-v2", "192.0.2.3"],
  ] as const)
    it(`speak ${header} and nothing else`, () => {
      const proxies = new Proxies(["10.0.0.1"], header);
      const from = peer("10.0.0.1", "192.0.2.3");
      expect(proxies.ask(from, everything).address).to.equal(address);
    });

  for (const [title, from, address] of [
    ["without a header", peer("10.0.0.1", ""), "10.0.0.1"],
    ["of a stranger", peer(CLIENT, "192.0.2.3"), CLIENT],
  ] as const)
    it(`are not believed by the PROXY protocol ${title}`, () => {
      const proxies = new Proxies(["10.0.0.1"], "proxy-v2");
      expect(proxies.ask(from, everything).address).to.equal(address);
    });

  it("are none when nobody is trusted", () => {
    expect(proxiesFrom([], "forwarded")).to.equal(undefined);
  });
});
