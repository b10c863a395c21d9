/** `SignedCookies` and `session`. */
import { expect } from "chai";
import {
  HttpError,
  json,
  Loop,
  UsageError,
  type GatewayRequest,
} from "../../../lib/index.ts";
import {
  MemorySessions,
  session,
  SignedCookies,
  type SessionOptions,
  type SessionStore,
} from "../../../lib/middleware/index.ts";
import { atTime } from "../../support/at-time.ts";

const SECRET = "a secret of some length";
const OLD = "an old one of some length";

/** A browser: keeps cookies, and shows the last `set-cookie`. */
class Browser {
  readonly #loop: Loop;
  readonly cookies = new Map<string, string>();
  last: string | undefined;

  constructor(loop: Loop) {
    this.#loop = loop;
  }

  async get(path: string): Promise<Response> {
    const cookie = [...this.cookies]
      .map(([name, value]) => `${name}=${value}`)
      .join("; ");
    const reply = await this.#loop.fetch(path, {
      headers: cookie ? { cookie } : {},
    });
    [this.last] = reply.headers.getSetCookie();
    for (const one of reply.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(one)!;
      if (/max-age=0/i.test(one)) this.cookies.delete(name!);
      else this.cookies.set(name!, value!);
    }
    return reply;
  }
}

const asking = (cookie: string, scheme = "http"): GatewayRequest =>
  ({ cookies: Object.fromEntries([cookie.split(/=(.*)/s)]), scheme }) as never;

const pairOf = (setCookie: string): string => setCookie.split(";", 1)[0]!;

describe("SignedCookies", () => {
  const cookies = new SignedCookies({ secret: SECRET });
  const none = asking("a=b");

  it("reads back what it has made, whatever the text", () => {
    for (const value of ["", "a", "für; alle,=\n", "x".repeat(2000)]) {
      const request = asking(pairOf(cookies.set(none, "name", value)));
      expect(cookies.get(request, "name")).to.equal(value);
    }
  });

  it("makes cookies that scripts and other sites do not get, and that HTTPS keeps to itself", () => {
    const made = cookies.set(none, "a", "b");
    expect(made).to.match(
      /^a=Yg\.[0-9a-z]+\.[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    expect(cookies.set(asking("", "https"), "a", "b")).to.include("; Secure");
    const other = new SignedCookies({
      secret: SECRET,
      sameSite: "none",
      domain: "example.org",
      path: "/app",
      maxAgeSeconds: 60,
    });
    expect(other.set(none, "a", "b")).to.match(
      /; Max-Age=60; Domain=example\.org; Path=\/app; HttpOnly; Secure; SameSite=None$/,
    );
    expect(cookies.clear(none, "a")).to.equal(
      "a=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    );
  });

  it("takes nothing that was changed, moved to another name, or signed by others", () => {
    const pair = pairOf(cookies.set(none, "name", "ada"));
    const [value, time, signature] = pair.slice("name=".length).split(".");
    for (const forged of [
      `name=${Buffer.from("bob").toString("base64url")}.${time}.${signature}`,
      `name=${value}.${(parseInt(time!, 36) + 1).toString(36)}.${signature}`,
      `name=${value}.${time}.${"A".repeat(43)}`,
      `name=${value}.${time}.`,
      `name=${value}.${time}`,
      "name=ada",
      "name=",
      pairOf(new SignedCookies({ secret: OLD }).set(none, "name", "ada")),
    ])
      expect(cookies.get(asking(forged), "name"), forged).to.equal(undefined);
    const moved = asking(pair.replace("name=", "other="));
    expect(cookies.get(moved, "other")).to.equal(undefined);
    expect(cookies.get(asking(pair), "name")).to.equal("ada");
  });

  it("takes what an older secret has signed, and signs with the first", () => {
    const before = new SignedCookies({ secret: OLD });
    const both = new SignedCookies({ secret: [SECRET, OLD] });
    expect(both.get(asking(pairOf(before.set(none, "a", "b"))), "a")).to.equal(
      "b",
    );
    const made = asking(pairOf(both.set(none, "a", "b")));
    expect(cookies.get(made, "a")).to.equal("b");
    expect(before.get(made, "a")).to.equal(undefined);
  });

  it("takes nothing that is older than it may be", async () => {
    const short = new SignedCookies({ secret: SECRET, maxAgeSeconds: 10 });
    const request = asking(pairOf(short.set(none, "a", "b")));
    const now = Date.now();
    await atTime(now + 9_000, () =>
      expect(short.get(request, "a")).to.equal("b"),
    );
    await atTime(now + 11_000, () =>
      expect(short.get(request, "a")).to.equal(undefined),
    );
  });

  it("refuses what no browser keeps, short secrets, and names that are none", () => {
    expect(() => cookies.set(none, "a", "x".repeat(4000))).to.throw(
      UsageError,
      "4096",
    );
    expect(() => cookies.set(none, "a b", "")).to.throw(UsageError, "a b");
    for (const secret of ["short", [], [SECRET, "short"]])
      expect(() => new SignedCookies({ secret })).to.throw(
        UsageError,
        "16 characters",
      );
  });

  it("signs with the command's secret key where it is given none", () => {
    const before = process.env.EDDY_SECRET_KEY;
    process.env.EDDY_SECRET_KEY = SECRET;
    try {
      const made = new SignedCookies().set(none, "a", "b");
      expect(cookies.get(asking(pairOf(made)), "a")).to.equal("b");
    } finally {
      if (before === undefined) delete process.env.EDDY_SECRET_KEY;
      else process.env.EDDY_SECRET_KEY = before;
    }
  });
});

function visited(options: SessionOptions = {}): Browser {
  const sessions = session<{ user: string; n: number }>({
    secret: SECRET,
    ...options,
  });
  const loop = new Loop({ log: false })
    .use(sessions)
    .get("/login", (request) => {
      const visitor = sessions.of(request);
      visitor.regenerate();
      visitor.data.user = "ada";
      return "in";
    })
    .get("/count", async (request) => {
      const { data } = sessions.of(request);
      data.n = (data.n ?? 0) + 1;
      return json(data);
    })
    .get("/me", (request) => json(sessions.of(request).data))
    .get("/static", () => "nothing of it")
    .get("/fail", (request) => {
      sessions.of(request).data.user = "eve";
      throw new HttpError(409, "no");
    })
    .get("/logout", (request) => {
      sessions.of(request).destroy();
      return "out";
    });
  return new Browser(loop);
}

for (const [kind, options] of [
  ["in a cookie", () => ({})],
  ["in a store", () => ({ store: new MemorySessions() })],
] as [string, () => SessionOptions][])
  describe(`session ${kind}`, () => {
    it("remembers, and forgets", async () => {
      const browser = visited(options());
      expect(await (await browser.get("/me")).json()).to.deep.equal({});
      expect(browser.last).to.equal(undefined); // nothing to remember
      await browser.get("/login");
      expect(browser.last).to.match(/; HttpOnly; SameSite=Lax$/);
      expect(await (await browser.get("/me")).json()).to.deep.equal({
        user: "ada",
      });
      expect(browser.last).to.equal(undefined); // nothing new
      await browser.get("/count");
      expect(await (await browser.get("/count")).json()).to.deep.equal({
        user: "ada",
        n: 2,
      });
      await browser.get("/logout");
      expect(browser.cookies.size).to.equal(0);
      expect(await (await browser.get("/me")).json()).to.deep.equal({});
    });

    it("tells caches whose it is, where it was asked for", async () => {
      const browser = visited(options());
      const login = await browser.get("/login");
      expect(login.headers.get("vary")).to.equal("cookie");
      expect(login.headers.get("cache-control")).to.equal("private");
      const me = await browser.get("/me");
      expect(me.headers.get("vary")).to.equal("cookie");
      expect(me.headers.has("cache-control")).to.equal(false);
      expect((await browser.get("/static")).headers.has("vary")).to.equal(
        false,
      );
    });

    it("keeps nothing of a handler that fails", async () => {
      const browser = visited(options());
      expect((await browser.get("/fail")).headers.has("set-cookie")).to.equal(
        false,
      );
      expect(await (await browser.get("/me")).json()).to.deep.equal({});
    });

    it("sets the cookie anew when half of its time is over", async () => {
      const browser = visited({ ...options(), maxAgeSeconds: 100 });
      await browser.get("/login");
      const now = Date.now();
      await atTime(now + 49_000, () => browser.get("/static"));
      expect(browser.last).to.equal(undefined);
      await atTime(now + 51_000, () => browser.get("/static"));
      expect(browser.last).to.include("Max-Age=100");
      await atTime(now + 149_000, async () =>
        expect(await (await browser.get("/me")).json()).to.deep.equal({
          user: "ada",
        }),
      );
    });
  });

describe("session in a store", () => {
  it("gives a new id at a login, and the one before is worth nothing", async () => {
    const store = new MemorySessions();
    const browser = visited({ store });
    await browser.get("/count");
    const before = browser.cookies.get("session")!;
    await browser.get("/login");
    expect(browser.cookies.get("session")).to.not.equal(before);
    expect(await (await browser.get("/me")).json()).to.deep.equal({
      n: 1,
      user: "ada",
    });
    expect(store.size).to.equal(1);
    browser.cookies.set("session", before);
    expect(await (await browser.get("/me")).json()).to.deep.equal({});
  });

  it("never takes up an id that the store does not have", async () => {
    const store = new MemorySessions();
    const browser = visited({ store });
    const planted = new SignedCookies({ secret: SECRET });
    browser.cookies.set(
      "session",
      pairOf(planted.set(asking(""), "session", "planted")).split(/=(.*)/s)[1]!,
    );
    await browser.get("/count");
    expect(await store.get("planted")).to.equal(undefined);
    expect(store.size).to.equal(1);
  });

  it("may be left for a cookie, and come back: visitors are new then", async () => {
    const browsers = [visited({ store: new MemorySessions() }), visited()];
    for (const [from, to] of [browsers, [...browsers].reverse()]) {
      await from!.get("/login");
      to!.cookies.set("session", from!.cookies.get("session")!);
      expect(await (await to!.get("/me")).json()).to.deep.equal({});
    }
  });

  it("fails where the store does", async () => {
    const store: SessionStore = {
      get: async () => undefined,
      set: () => Promise.reject(new Error("it is full")),
      delete: async () => {},
    };
    expect((await visited({ store }).get("/login")).status).to.equal(500);
  });
});

describe("MemorySessions", () => {
  it("forgets what is over, and the oldest of too many", async () => {
    const store = new MemorySessions({ maxSessions: 2 });
    for (const id of ["a", "b", "a", "c"]) await store.set(id, id, 10);
    expect([
      await store.get("a"),
      await store.get("b"),
      await store.get("c"),
    ]).to.deep.equal(["a", undefined, "c"]);
    await atTime(Date.now() + 11_000, async () =>
      expect(await store.get("a")).to.equal(undefined),
    );
    expect(store.size).to.equal(1);
  });
});

describe("session", () => {
  it("refuses stores that are none, and requests that did not pass it", async () => {
    expect(() => session({ secret: SECRET, store: {} as never })).to.throw(
      UsageError,
      "store",
    );
    const sessions = session({ secret: SECRET });
    expect(() => sessions.of({} as never)).to.throw(UsageError, "did not pass");
  });
});
