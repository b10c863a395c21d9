import { inspect } from "node:util";
import { expect } from "chai";
import { wsgi, type Environ } from "../../../adapters/wsgi.ts";
import { itOnUws } from "../../support/native.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";

interface Sent {
  line?: string;
  host?: string;
  /** Further header lines. */
  head?: string[];
  body?: string;
  /** Where the application is mounted. */
  prefix?: string;
}

/** What `seen` makes of the environ of one request, while the application is called. */
async function look<T>(
  seen: (environ: Environ) => T,
  { line = "GET /", host = "test", head = [], body = "", prefix = "/" }: Sent,
): Promise<T> {
  let result: (() => T) | undefined;
  const app = wsgi((environ, start) => {
    start("200 OK", []);
    try {
      const value = seen(environ);
      result = () => value;
    } catch (error) {
      result = () => {
        throw error;
      };
    }
    return [];
  });
  const { port } = await serveWith((loop) => loop.mount(prefix, app));
  const client = await RawClient.connect(port);
  const lines = [`${line} HTTP/1.1`, `Host: ${host}`, ...head, "", body];
  client.send(lines.join("\r\n"));
  await client.until(/\r\n\r\n/);
  return result!();
}

const get = (key: string, sent: Sent): Promise<unknown> =>
  look((environ) => environ[key], sent);

describe("wsgi environ", () => {
  it("has every variable that PEP 3333 requires, of its type", async () => {
    const environ = await look((environ) => ({ ...environ }), {});
    const cgi = "REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING REMOTE_ADDR";
    const server = "SERVER_NAME SERVER_PORT SERVER_PROTOCOL wsgi.url_scheme";
    for (const key of `${cgi} ${server}`.split(" "))
      expect(environ[key], key).to.be.a("string");
    for (const key of ["multithread", "multiprocess", "run_once"])
      expect(environ[`wsgi.${key}`], key).to.equal(false);
    expect(environ["wsgi.version"]).to.deep.equal([1, 0]);
    expect(environ["wsgi.input_terminated"]).to.equal(true);
    for (const method of ["read", "readline", "readlines"])
      expect(environ["wsgi.input"]).to.have.property(method).a("function");
    for (const method of ["write", "writelines", "flush"])
      expect(environ["wsgi.errors"]).to.have.property(method).a("function");
    expect(environ["eddy.request"]).to.have.property("signal");
  });

  it("has the method, the protocol and the scheme", async () => {
    const environ = await look((environ) => ({ ...environ }), {
      line: "PATCH /",
    });
    expect(environ).to.include({
      REQUEST_METHOD: "PATCH",
      SERVER_PROTOCOL: "HTTP/1.1",
      "wsgi.url_scheme": "http",
    });
  });

  it("has the peer's address", async () => {
    expect(await get("REMOTE_ADDR", {})).to.equal("127.0.0.1");
  });

  it("has nothing for a header that is not there", async () => {
    const environ = await look((environ) => ({ ...environ }), {});
    for (const key of ["CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_COOKIE"])
      expect(environ).to.not.have.property(key);
  });
});

describe("wsgi environ splits the path", () => {
  const splits = (
    prefix: string,
    path: string,
    SCRIPT_NAME: string,
    PATH_INFO: string,
  ): unknown =>
    it(`${path} below the mount ${prefix}`, async () => {
      const line = `GET ${path}`;
      const environ = await look((it) => ({ ...it }), { line, prefix });
      expect(environ).to.include({ SCRIPT_NAME, PATH_INFO });
    });

  splits("/", "/", "", "/");
  splits("/", "/a/b", "", "/a/b");
  splits("/", "/a/", "", "/a/");
  splits("/app", "/app", "/app", "");
  splits("/app", "/app/", "/app", "/");
  splits("/app", "/app/a/b", "/app", "/a/b");
  splits("/app/", "/app/a", "/app", "/a");
  splits("/a/b", "/a/b/a/b", "/a/b", "/a/b");
  splits("/app", "/app?/a", "/app", "");
  splits("/app", "/app//a", "/app", "//a");
  splits("/caf%C3%A9", "/caf%C3%A9/%C3%A9", "/caf\xc3\xa9", "/\xc3\xa9");
});

describe("wsgi environ decodes percent-escapes of the path", () => {
  const decodes = (escaped: string, decoded: string): unknown =>
    it(`${escaped} to ${inspect(decoded)}`, async () => {
      const found = await get("PATH_INFO", { line: `GET /${escaped}` });
      expect(found).to.equal(`/${decoded}`);
    });

  decodes("caf%C3%A9", "caf\xc3\xa9"); // bytes, not characters
  decodes("%ff", "\xff");
  decodes("%00", "\0");
  decodes("a%2Fb", "a/b");
  decodes("%252F", "%2F"); // once
  decodes("a+b", "a+b");
  decodes("%3Fa", "?a");
});

describe("wsgi environ has the query", () => {
  it("as sent", async () => {
    const line = "GET /?a=%C3%A9&b=+&a=%2F&?";
    const query = await get("QUERY_STRING", { line });
    expect(query).to.equal("a=%C3%A9&b=+&a=%2F&?");
  });

  for (const line of ["GET /", "GET /?"])
    it(`empty for ${line}`, async () => {
      expect(await get("QUERY_STRING", { line })).to.equal("");
    });
});

describe("wsgi environ names headers", () => {
  const has = (title: string, head: string[], variables: object): unknown =>
    it(title, async () => {
      const environ = await look((environ) => ({ ...environ }), { head });
      expect(environ).to.include(variables);
    });

  has("HTTP_ and the name in upper case", ["x-One-two: 3"], {
    HTTP_X_ONE_TWO: "3",
    HTTP_HOST: "test",
  });
  has("without HTTP_ for the body's type and length", typed("0"), {
    CONTENT_TYPE: "text/x",
    CONTENT_LENGTH: "0",
  });
  has("once for all of one name", ["X: 1", "y: -", "x: 2", "X:3"], {
    HTTP_X: "1,2,3",
  });
  has("once for all cookies", ["Cookie: a=1", "X: -", "cookie: b=2; c=3"], {
    HTTP_COOKIE: "a=1; b=2; c=3",
  });
  has("also when the value is empty", ["x:", "y: "], {
    HTTP_X: "",
    HTTP_Y: "",
  });
  has("of an object's own properties", ["constructor: 1", "__proto__: 2"], {
    HTTP_CONSTRUCTOR: "1",
  });

  it("not at all with an underscore, which could pass for another", async () => {
    const head = ["x_user: root", "x-user: me", "content_type: evil", "_: 1"];
    const environ = await look((environ) => ({ ...environ }), { head });
    expect(environ).to.include({ HTTP_X_USER: "me" });
    expect(environ).to.not.have.any.keys("CONTENT_TYPE", "HTTP__");
  });

  it("not HTTP_ for the body's type and length", async () => {
    const head = typed("0");
    const environ = await look((environ) => ({ ...environ }), { head });
    for (const key of ["HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"])
      expect(environ).to.not.have.property(key);
  });

  it("in the same way for a request with a body", async () => {
    const environ = await look((environ) => ({ ...environ }), {
      line: "POST /",
      head: ["x-one: 1", ...typed("2")],
      body: "{}",
    });
    expect(environ).to.include({
      HTTP_X_ONE: "1",
      CONTENT_TYPE: "text/x",
      CONTENT_LENGTH: "2",
      REMOTE_ADDR: "127.0.0.1",
    });
  });

  function typed(length: string): string[] {
    return ["Content-Type: text/x", `Content-Length: ${length}`];
  }
});

describe("wsgi environ takes the server's name from the host", () => {
  const names = (
    host: string,
    SERVER_NAME: string,
    SERVER_PORT: string,
  ): unknown =>
    it(`"${host}"`, async () => {
      const environ = await look((environ) => ({ ...environ }), { host });
      expect(environ).to.include({ SERVER_NAME, SERVER_PORT });
      const name = await get("SERVER_NAME", { host });
      const port = await get("SERVER_PORT", { host });
      expect([name, port]).to.deep.equal([SERVER_NAME, SERVER_PORT]);
    });

  names("example.org", "example.org", "80");
  names("example.org:8000", "example.org", "8000");
  names("example.org:", "example.org", "80");
  names("127.0.0.1:8000", "127.0.0.1", "8000");
  names("[::1]", "[::1]", "80");
  names("[::1]:8000", "[::1]", "8000");
  names("", "localhost", "80");
});

/** PEP 3333, "A Note On String Types": every character stands for a byte. */
describe("wsgi environ has bytes above 0x7f as one character each", () => {
  const native = (title: string, key: string, sent: Sent, value: string) =>
    (key === "HTTP_X" ? it : itOnUws)(title, async () => {
      expect(await get(key, sent)).to.equal(value); // in targets, node:http refuses them
    });

  native(
    "in a header",
    "HTTP_X",
    { head: ["x: caf\xc3\xa9 \xd0\xb6."] },
    "caf\xc3\xa9 \xd0\xb6.",
  );
  native(
    "in a path that the client did not escape",
    "PATH_INFO",
    { line: "GET /caf\xc3\xa9/\xd0\xb6" },
    "/caf\xc3\xa9/\xd0\xb6",
  );
  native(
    "in a query that the client did not escape",
    "QUERY_STRING",
    { line: "GET /?caf\xc3\xa9=\xd0\xb6" },
    "caf\xc3\xa9=\xd0\xb6",
  );

  itOnUws("and never has a character above 0xff", async () => {
    const line = "GET /\xd0\xb6?\xd0\xb6"; // what is not UTF-8 there is answered 400
    const sent = { line, head: ["x: caf\xe9."] };
    const environ = await look((environ) => ({ ...environ }), sent);
    for (const key of ["PATH_INFO", "QUERY_STRING", "HTTP_X"])
      expect(environ[key], key).to.match(/^[\0-\xff]*$/);
  });
});

/** It looks the headers, the peer and the server up when somebody asks; nobody should notice. */
describe("wsgi environ is a plain object", () => {
  const sent: Sent = { head: ["x-one: 1", "content-type: text/x"] };
  const behaves = (
    title: string,
    seen: (environ: Environ) => unknown,
    expected: unknown,
  ): unknown =>
    it(title, async () => {
      expect(await look(seen, sent)).to.deep.equal(expected);
    });
  const LATE = ["HTTP_HOST", "HTTP_X_ONE", "CONTENT_TYPE"];
  const ALL = [...LATE, "REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT"];
  const missing = (keys: Iterable<string>): string[] => {
    const there = new Set(keys);
    return ALL.filter((key) => !there.has(key));
  };

  behaves("to a spread", (it) => ({ ...it }).HTTP_X_ONE, "1");
  behaves(
    "to a spread: all of it",
    (it) => missing(Object.keys({ ...it })),
    [],
  );
  behaves("to Object.assign", (it) => Object.assign({}, it).HTTP_X_ONE, "1");
  behaves("to Object.keys", (it) => missing(Object.keys(it)), []);
  behaves(
    "to Object.values",
    (it) => Object.values(it).includes("text/x"),
    true,
  );
  behaves(
    "to Object.entries",
    (it) => new Map(Object.entries(it)).get("HTTP_X_ONE"),
    "1",
  );
  behaves(
    "to Object.getOwnPropertyNames",
    (it) => missing(Object.getOwnPropertyNames(it)),
    [],
  );
  behaves(
    "to for…in",
    (it) => {
      const keys: string[] = [];
      for (const key in it) keys.push(key);
      return [missing(keys), new Set(keys).size === keys.length];
    },
    [[], true],
  );
  behaves("to in", (it) => ALL.filter((key) => !(key in it)), []);
  behaves("to in, for what is not there", (it) => "HTTP_X_TWO" in it, false);
  behaves(
    "to Object.hasOwn",
    (it) => ALL.filter((key) => !Object.hasOwn(it, key)),
    [],
  );
  behaves(
    "to hasOwnProperty",
    // oxlint-disable-next-line no-prototype-builtins
    (it) => [it.hasOwnProperty("HTTP_X_ONE"), it.hasOwnProperty("HTTP_NO")],
    [true, false],
  );
  behaves(
    "to Object.getOwnPropertyDescriptor",
    (it) => Object.getOwnPropertyDescriptor(it, "HTTP_X_ONE"),
    { value: "1", writable: true, enumerable: true, configurable: true },
  );
  behaves(
    "to Object.getPrototypeOf",
    (it) => Object.getPrototypeOf(it) === Object.prototype,
    true,
  );
  behaves(
    "to JSON.stringify",
    (it) => (JSON.parse(JSON.stringify(it)) as Environ).HTTP_X_ONE,
    "1",
  );
  behaves(
    "to util.inspect",
    (it) => /HTTP_HOST: 'test'/.test(inspect(it)),
    true,
  );
  behaves(
    "to util.inspect, within another",
    (it) => /HTTP_HOST: 'test'/.test(inspect([it])),
    true,
  );
  behaves(
    "to console.log",
    (it) => /HTTP_HOST: 'test'/.test(printed(it)),
    true,
  );
  behaves(
    "to destructuring",
    ({ HTTP_X_ONE, ...rest }) => [
      HTTP_X_ONE,
      "HTTP_X_ONE" in rest,
      rest.REMOTE_ADDR,
    ],
    ["1", false, "127.0.0.1"],
  );
  behaves(
    "to two reads of the same key",
    (it) => ALL.every((key) => it[key] === it[key]),
    true,
  );
  behaves(
    "to whoever asks for a symbol",
    (it) => (it as unknown as Record<symbol, unknown>)[Symbol.iterator],
    undefined,
  );

  behaves(
    "when a key is added",
    (it) => {
      it.mine = 1;
      return [it.mine, "mine" in it, Object.keys(it).includes("mine")];
    },
    [1, true, true],
  );
  behaves(
    "when a key is added by Object.defineProperty",
    (it) => {
      Object.defineProperty(it, "mine", { value: 1, enumerable: false });
      return [it.mine, "mine" in it, Object.keys(it).includes("mine")];
    },
    [1, true, false],
  );
  behaves(
    "when a variable is replaced by Object.defineProperty before any is read",
    (it) => {
      Object.defineProperty(it, "HTTP_X_ONE", { value: "2", enumerable: true });
      return [it.HTTP_X_ONE, { ...it }.HTTP_X_ONE];
    },
    ["2", "2"],
  );
  behaves(
    "when a variable is assigned before any is read",
    (it) => {
      it.HTTP_X_ONE = "mine";
      it.REMOTE_ADDR = "10.0.0.1";
      it.SCRIPT_NAME = "/moved";
      const { HTTP_X_ONE, REMOTE_ADDR, SCRIPT_NAME, CONTENT_TYPE } = it;
      return [HTTP_X_ONE, REMOTE_ADDR, SCRIPT_NAME, CONTENT_TYPE];
    },
    ["mine", "10.0.0.1", "/moved", "text/x"],
  );
  behaves(
    "when a variable is assigned undefined",
    (it) => {
      it.HTTP_X_ONE = undefined;
      return [it.HTTP_X_ONE, "HTTP_X_ONE" in it];
    },
    [undefined, true],
  );
  behaves(
    "when variables are deleted before any is read",
    (it) => {
      const deleted = ALL.map((key) => delete it[key]);
      return [
        deleted.every(Boolean),
        ALL.filter((key) => key in it || it[key] !== undefined),
        ALL.filter((key) => Object.keys(it).includes(key)),
      ];
    },
    [true, [], []],
  );
  behaves(
    "when a variable is deleted after it was read",
    (it) => {
      const before = [it.HTTP_X_ONE, it.SERVER_NAME];
      delete it.HTTP_X_ONE;
      delete (it as Partial<Environ>).SERVER_NAME;
      return [before, it.HTTP_X_ONE, it.SERVER_NAME];
    },
    [["1", "test"], undefined, undefined],
  );
  behaves(
    "when a deleted variable comes back",
    (it) => {
      delete it.HTTP_X_ONE;
      it.HTTP_X_ONE = "2";
      return it.HTTP_X_ONE;
    },
    "2",
  );
  behaves(
    "when its copy is changed",
    (it) => {
      const copy = { ...it, HTTP_X_ONE: "2" };
      return [copy.HTTP_X_ONE, it.HTTP_X_ONE];
    },
    ["2", "1"],
  );
  behaves(
    "when it is the prototype of another",
    (it) => {
      const child = Object.create(it) as Environ;
      child.mine = 1;
      return [child.HTTP_X_ONE, Object.keys(child), "mine" in it];
    },
    ["1", ["mine"], false],
  );
  behaves(
    "when it is frozen",
    (it) => {
      const frozen = Object.freeze(it);
      return [
        Object.isFrozen(frozen),
        Object.getPrototypeOf(frozen) === Object.prototype,
        frozen.HTTP_X_ONE,
      ];
    },
    [true, true, "1"],
  );

  function printed(value: unknown): string {
    const lines: string[] = [];
    const { log } = console;
    console.log = (...values: unknown[]) =>
      lines.push(values.map(format).join());
    try {
      console.log(value);
    } finally {
      console.log = log;
    }
    return lines.join("\n");
  }

  function format(value: unknown): string {
    return inspect(value);
  }
});

describe("wsgi environ can be read for the first time", () => {
  it("in a streamed body, after the route callback is over", async () => {
    const { url } = await serveWith((loop) =>
      loop.mount(
        "/app",
        wsgi(function* (environ, start) {
          let isLater = false;
          setImmediate(() => (isLater = true));
          start("200 OK", []);
          while (!isLater) yield "."; // the gateway gives others a turn
          yield `[${String(environ.HTTP_X_ONE)}`;
          yield ` ${environ.QUERY_STRING} ${environ.SERVER_NAME}`;
          yield ` ${Object.keys(environ).includes("HTTP_HOST")}]`;
        }),
      ),
    );
    const headers = { "x-one": "1" };
    const response = await fetch(`${url}/app?a=b`, { headers });
    const body = await response.text();
    expect(body).to.match(/^\.+\[1 a=b 127.0.0.1 true\]$/);
  });

  for (const [when, chunks] of [
    ["at the end", ["a"]],
    ["after the client has left", endless()],
  ] as const)
    it(`in close(), ${when}`, async () => {
      const server = await serveWith((loop) =>
        loop.mount(
          wsgi((environ, start) => {
            start("200 OK", []);
            return {
              [Symbol.iterator]: () => chunks[Symbol.iterator](),
              close() {
                const { HTTP_X_ONE, REMOTE_ADDR } = environ;
                const { log } = environ["eddy.request"];
                log.info({ HTTP_X_ONE, REMOTE_ADDR }, "closed");
              },
            };
          }),
        ),
      );
      const client = await RawClient.connect(server.port);
      client.request("GET /", ["x-one: 1"]);
      await client.until(/a/);
      client.abort();
      const line = await server.logged(({ msg }) => msg === "closed");
      expect(line).to.include({ HTTP_X_ONE: "1", REMOTE_ADDR: "127.0.0.1" });
    });

  function* endless(): Generator<string> {
    for (;;) yield "a";
  }
});
