/** The URL of a request beside what the platform's parser makes of it. */
import { expect } from "chai";
import { Urls } from "../../../adapters/fetch/url.ts";
import { BadRequestError, type GatewayRequest } from "../../../lib/index.ts";

const urls = new Urls();

const ask = (
  host: string,
  path: string,
  queryString = "",
  scheme = "http",
): string =>
  urls.of({ host, path, queryString, scheme, mountPath: "" } as GatewayRequest);

describe("The URL of a Request is what new URL() makes of it:", () => {
  const hosts = [
    "example.org",
    "EXAMPLE.org",
    "a:80",
    "a:443",
    "a:8000",
    "[::1]:8000",
    "127.1",
    "b\u00fccher.de",
  ];
  for (const host of hosts)
    for (const scheme of ["http", "https"])
      it(`${scheme}, ${host}`, () => {
        expect(ask(host, "/a", "", scheme)).to.equal(
          new URL(`${scheme}://${host}/a`).href,
        );
      });

  // every character that there is in a target, in path and query
  for (let code = 0x21; code < 0x7f; code++) {
    const char = String.fromCharCode(code);
    if (char === "?") continue;
    it(`the character ${char}`, () => {
      for (const [path, query] of [
        [`/a${char}b/${char}`, ""],
        ["/a", `b${char}=${char}`],
      ] as const) {
        const whole = `http://a${path}${query === "" ? "" : `?${query}`}`;
        expect(ask("a", path, query)).to.equal(new URL(whole).href);
      }
    });
  }

  for (const path of [
    "/",
    "//",
    "/a//b",
    "/./a",
    "/a/..",
    "/a/../b",
    "/%2e%2E/b",
    "/a/.%2e/",
    "/..a/...",
    "/a.",
    "/%zz",
    "/\u00e4",
  ])
    it(`the path ${path}`, () => {
      expect(ask("a", path)).to.equal(new URL(`http://a${path}`).href);
    });

  it("without a host, as HTTP/1.0 may be", () => {
    expect(ask("", "/")).to.equal("http://localhost/");
  });

  it("and is refused where there is none", () => {
    expect(() => ask("a:99999", "/")).to.throw(BadRequestError);
  });
});
