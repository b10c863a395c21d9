import { expect } from "chai";
import type * as Wsgi from "../../adapters/wsgi/types.ts";
import { validator, WsgiViolation } from "../../adapters/wsgi/validator.ts";

/** For what the vocabulary's types forbid: here rules are broken on purpose. */
type Loose = any;
/** `broken` is what breaks the rule, `message` what the violation says of it. */
type Row = [title: string, broken: Loose, message: RegExp | string];

const PLAIN: [string, string] = ["Content-Type", "text/plain"];
const FIVE: [string, string] = ["Content-Length", "5"];
const MISSING = Symbol("missing");

describe("wsgi validator blames the server when the environ", () => {
  const required = [
    ["REQUEST_METHOD", "SERVER_NAME", "SERVER_PORT"],
    ["wsgi.version", "wsgi.url_scheme", "wsgi.input", "wsgi.errors"],
    ["wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"],
  ].flat();
  const lacks = (key: string): Row => {
    return [`has no ${key}`, { [key]: MISSING }, `environ has no ${key}`];
  };
  const lacksMethod =
    (key: string) =>
    (method: PropertyKey): Row => {
      const missing = `environ["${key}"] has no ${String(method)}()`;
      return [
        `lacks ${key} ${String(method)}()`,
        changed(key, method, 1),
        missing,
      ];
    };
  violations("server", serveChanged, [
    ...required.map(lacks),
    ...["read", "readline", "readlines"].map(lacksMethod("wsgi.input")),
    ...[Symbol.iterator].map(lacksMethod("wsgi.input")),
    ...["flush", "write", "writelines"].map(lacksMethod("wsgi.errors")),
    ["has HTTP_CONTENT_TYPE", { HTTP_CONTENT_TYPE: "" }, /environ has HTTP_/],
    ["has HTTP_CONTENT_LENGTH", { HTTP_CONTENT_LENGTH: "" }, / has HTTP_/],
    ["has a number", { SERVER_PORT: 80 }, /PORT"\] is not a string: 80/],
    ["has undefined", { QUERY_STRING: undefined }, /QUERY.*is not a string/],
    ["has decoded text", { HTTP_X: "\u0436" }, /HTTP_X.*character above 0xff/],
    ["has a version string", { "wsgi.version": "10" }, /two numbers: '10'/],
    ["has a short version", { "wsgi.version": [1] }, /not two numbers/],
    ["has a version of strings", { "wsgi.version": ["1", "0"] }, /two numbers/],
    ["has the scheme ws", { "wsgi.url_scheme": "ws" }, /http nor https: 'ws'/],
    ["has two schemes", { "wsgi.url_scheme": ["http"] }, /is not a string/],
    ["has a mount without slash", { SCRIPT_NAME: "a" }, /SCRIPT.*not begin/],
    ["has a slash as mount", { SCRIPT_NAME: "/" }, /not empty at the root/],
    ["has a path without slash", { PATH_INFO: "a" }, /PATH_INFO.*not begin/],
    ["has no mount and an empty path", { PATH_INFO: "" }, /are both empty/],
    ["has no mount and no path", { PATH_INFO: MISSING }, /are both empty/],
    ["has a negative length", { CONTENT_LENGTH: "-1" }, /non-negative integer/],
    ["has half a byte", { CONTENT_LENGTH: "1.5" }, /integer: '1.5'/],
    ["has a null input", { "wsgi.input": null }, /has no read\(\)/],
  ]);

  class Environ {}
  violations("server", (environ) => serve(hello, environ), [
    ["is null", null, /environ is not a plain object: null/],
    ["is an array", Object.assign([], environOf()), /not a plain object/],
    ["is of a class", Object.assign(new Environ(), environOf()), /not a plain/],
  ]);
});

describe("wsgi validator blames the server when it", () => {
  violations("server", (args) => (validator(hello) as Loose)(...args), [
    ["passes one argument", [environOf()], /is not given two arguments/],
    ["passes three", [environOf(), ignore, 1], /is not given two arguments/],
    ["passes no function", [environOf(), {}], /startResponse is not a func/],
    ["returns no write()", [environOf(), () => {}], /not return write\(\)/],
  ]);

  violations("server", (steps) => drive(hello, steps), [
    ["iterates twice", "iterate iterate", /iterates.*already iterated/],
    ["iterates after close()", "close iterate", /iterates.*already closed/],
    [
      "reads on after close()",
      "iterate next close next",
      /next.*already closed/,
    ],
    [
      "reads on after the end",
      "iterate next next next next",
      /next.*already ended/,
    ],
    ["reads on after return()", "iterate return next", /next.*already ended/],
    ["closes twice", "close close", /closes a result already closed/],
    [
      "closes again after return()",
      "iterate close return close",
      /already closed/,
    ],
  ]);

  violations("server", (steps) => drive(crash, steps), [
    ["reads on after an error", "iterate fail next", /next.*already ended/],
  ]);

  violations("server", readBack, [
    ["has read() return a string", ["read", "a"], /not give a Uint8Array: 'a'/],
    ["has readline() return nothing", ["readline"], /give a Uint8Array: undef/],
    ["has readlines() return a string", ["readlines", "a"], /give an array/],
    [
      "has readlines() return strings",
      ["readlines", ["a"]],
      /a Uint8Array: 'a'/,
    ],
    ["iterates over strings", [Symbol.iterator, ["a"].values()], /Uint8Array/],
  ]);
});

describe("wsgi validator blames the application when it starts with", () => {
  violations("application", (args) => serve(starting(...args)), [
    ["one argument", ["200 OK"], /takes two or three arguments/],
    ["four arguments", ["200 OK", [PLAIN], null, 1], /two or three arguments/],
    ["a Map of headers", ["200 OK", new Map([PLAIN])], /are not an array: Map/],
    ["no content-type", ["200 OK", [FIVE]], /content-type is missing/],
    ["a type for 101", ["101 Go", [PLAIN]], /content-type is not allowed/],
    ["a type for 204", ["204 None", [PLAIN]], /content-type is not allowed/],
    ["a type for 304", ["304 Same", [PLAIN]], /content-type is not allowed/],
    ["a length for 101", ["101 Go", [FIVE]], /content-length is not allowed/],
    ["a length for 204", ["204 None", [FIVE]], /content-length is not allowed/],
    ["a length for 304", ["304 Same", [FIVE]], /content-length is not allowed/],
  ]);

  violations("application", (status) => serve(starting(status, [PLAIN])), [
    ["a number as status", 200, /status is not a string: 200/],
    ["a status without a reason", "200", /status is not like "200 OK": '200'/],
    ["an empty reason", "200 ", /status is not like/],
    ["a status below 100", "099 Low", /status is not like/],
    ["a status of four digits", "2000 OK", /status is not like/],
    ["a status and a newline", "200 OK\n", /status has a control/],
    ["a status with DEL in it", "200 O\x7fK", /status has a control/],
    ["a status outside of latin-1", "200 \u0436", /wide character/],
  ]);

  const hopByHop = [
    ["connection", "Keep-Alive", "Proxy-Authenticate", "TE", "Trailers"],
    ["proxy-connection", "Trailer"],
    ["proxy-authorization", "Transfer-Encoding", "UPGRADE"],
  ].flat();
  const isHopByHop = (name: string): Row => {
    return [`a ${name} header`, [name, "x"], RegExp(`hop-by-hop: '${name}'`)];
  };
  violations("application", startWithHeader, [
    ...hopByHop.map(isHopByHop),
    ["a string as header", "ab", /header is not an array of two: 'ab'/],
    [
      "a header of three parts",
      ["a", "b", "c"],
      /header is not an array of two/,
    ],
    ["bytes as header name", [Buffer.from("a"), "b"], /name is not a string/],
    ["bytes as header value", ["X-A", Buffer.from("b")], /X-A is not a string/],
    ["a space in a header name", ["a b", ""], /name is not a token: 'a b'/],
    ["a colon in a header name", ["a:", ""], /name is not a token: 'a:'/],
    ["a newline in a header name", ["a\n", ""], /header name is not a token/],
    ["an empty header name", ["", ""], /header name is not a token/],
    ["a hyphen after a header name", ["a-", ""], /name ends in "-" or "_"/],
    [
      "an underscore after a header name",
      ["a_", ""],
      /name ends in "-" or "_"/,
    ],
    ["a Status header", ["Status", "200"], /name is not allowed.*: 'Status'/],
    ["a line break in a value", ["X-A", "a\r\nb"], /header X-A has a control/],
    [
      "a value outside of latin-1",
      ["X-A", "\u0436"],
      /X-A has.*wide character/,
    ],
    ["a length in hex", ["Content-Length", "0x5"], /not a number of bytes/],
  ]);
});

describe("wsgi validator blames the application when it", () => {
  violations("application", (args) => serve(returning(...args)), [
    ["returns null", [null], /result is not iterable: null/],
    [
      "returns a promise",
      [Promise.resolve()],
      /result is not iterable: Promise/,
    ],
    ["returns a string", ["hello"], /result is not in chunks: 'hello'/],
    ["returns bytes", [Buffer.from("hello")], /result is not in chunks/],
    ["yields a number", [[1]], /chunk is not a string or Uint8Array: 1/],
    ["sends too little", [["hell"], FIVE], /not the 4 bytes sent: '5'/],
    ["sends too much", [["hell", "o!"], FIVE], /not the 6 bytes sent: '5'/],
    ["counts characters", [["h\u00e9llo"], FIVE], /not the 6 bytes sent: '5'/],
    ["has two lengths", [["hello"], FIVE, ["content-length", "6"]], /'5': '6'/],
  ]);

  violations("application", (app) => serve(app), [
    ["starts again", restarting(), /startResponse is repeated without excInfo/],
    ["starts again with null", restarting(null), /repeated without excInfo/],
    ["does not start before a chunk", () => [""], /no startResponse/],
    ["does not start at all", () => [], /no startResponse/],
    ["writes a number", writing(1), /chunk is not a string or Uint8Array: 1/],
    ["writes too much", writing("hello", "!"), /not the 6 bytes sent: '5'/],
  ]);

  violations("application", misuse, [
    [
      "reads with two sizes",
      ["wsgi.input", "read", 1, 2],
      /one number: \[ 1, 2/,
    ],
    ["reads with a string", ["wsgi.input", "read", "1"], /takes at most one/],
    [
      "reads a line with a string",
      ["wsgi.input", "readline", "1"],
      /at most one/,
    ],
    [
      "reads lines with a string",
      ["wsgi.input", "readlines", "1"],
      /at most one/,
    ],
    ["closes its input", ["wsgi.input", "close"], /input.close\(\) is called/],
    [
      "closes its errors",
      ["wsgi.errors", "close"],
      /errors.close\(\) is called/,
    ],
    ["logs a number", ["wsgi.errors", "write", 1], /takes strings: 1/],
    ["logs numbers", ["wsgi.errors", "writelines", [1]], /takes strings: 1/],
  ]);
});

describe("wsgi validator lets pass", () => {
  const passes = (title: string, app: Wsgi.WsgiApp, changes = {}) =>
    it(title, () => {
      serveChanged(changes, app);
    });

  passes("an environ with the optional variables missing or empty", hello, {
    QUERY_STRING: MISSING,
    SCRIPT_NAME: MISSING,
    CONTENT_LENGTH: "",
  });
  passes("a mount point without a path after it", hello, {
    SCRIPT_NAME: "/app",
    PATH_INFO: "",
  });
  passes("native strings and extensions of any type", hello, {
    HTTP_X: "\u0000\u00ff",
    "eddy.signal": 1,
  });
  passes("a HEAD request whose body is left out", returning([], FIVE), {
    REQUEST_METHOD: "HEAD",
  });
  passes("an empty answer without a type", starting("204 No Content", []));
  passes("bytes above 0x7f", starting("200 \xe0", [PLAIN, ["X-A", "\xff"]]));
  passes("a second start with an error", restarting(new Error("late")));
  passes("another validator", validator(hello));

  it("an environ without a prototype", () => {
    serve(hello, Object.assign(Object.create(null), environOf()));
  });

  it("a generator that starts on its way to the first chunk", () => {
    const app: Wsgi.WsgiApp = function* (_environ, startResponse) {
      startResponse("200 OK", [PLAIN]);
      yield "hello";
    };
    expect(serve(app)).to.equal("hello");
  });

  it("a body that the server does not read to its end", () => {
    drive(returning(["hello", "world"], FIVE), "iterate next close");
  });
});

describe("wsgi validator passes on", () => {
  it("status, headers, body and what write() is given", () => {
    const seen: unknown[] = [];
    const start: Wsgi.StartResponse = (...args) => {
      seen.push(...args);
      return (chunk) => seen.push(chunk);
    };
    expect(serve(writing("hello"), environOf(), start)).to.equal("");
    expect(seen).to.deep.equal(["200 OK", [PLAIN, FIVE], "hello"]);
    expect(serve(hello)).to.equal("hello");
  });

  it("the input, by every method", () => {
    const app = (read: (input: Wsgi.InputStream) => unknown) => {
      let seen: unknown;
      serve(using((input) => (seen = read(input))));
      return seen;
    };
    expect(app((input) => String(input.read(3)))).to.equal("one");
    expect(app((input) => String(input.readline()))).to.equal("one\n");
    expect(app((input) => input.readlines().join())).to.equal("one\n,two");
    expect(app((input) => [...input].join())).to.equal("one\n,two");
  });

  it("what is logged", () => {
    const seen: unknown[] = [];
    const log = {
      write: (text: string) => seen.push(text),
      writelines: (lines: Iterable<string>) => seen.push(...lines),
      flush: () => seen.push("flush"),
    };
    const app = using((_input, errors) => {
      errors.write("a");
      errors.writelines(["b", "c"]);
      errors.flush();
    });
    serveChanged({ "wsgi.errors": log }, app);
    expect(seen).to.deep.equal(["a", "b", "c", "flush"]);
  });

  it("close() and return(), to the result itself", () => {
    const seen: unknown[] = [];
    const result = {
      *[Symbol.iterator]() {
        try {
          yield "hello";
        } finally {
          seen.push("return");
        }
      },
      close() {
        seen.push(this === result);
      },
    };
    drive(returning(result), "iterate next return close");
    expect(seen).to.deep.equal(["return", true]);
  });

  it("errors of the application", () => {
    expect(() => serve(crash)).to.throw(RangeError, "crash");
  });

  it("no chunk before the server asks for one", () => {
    let asked = 0;
    const result = {
      [Symbol.iterator]: () => ({
        next: () => ({ done: asked++ > 0, value: "" }),
      }),
    };
    drive(returning(result), "iterate close");
    expect(asked).to.equal(0);
  });
});

/** One test for each row: `act` on what is broken throws a violation by `side`. */
function violations(
  side: string,
  act: (broken: Loose) => unknown,
  rows: Row[],
) {
  for (const [title, broken, message] of rows) {
    it(title, () => {
      expect(() => act(broken))
        .to.throw(WsgiViolation, message)
        .with.property("message")
        .that.match(RegExp(`^${side}: `));
    });
  }
}

/** The server: calls `app` as it should be called; returns the body. */
function serve(
  app: Wsgi.WsgiApp,
  environ = environOf(),
  start: Wsgi.StartResponse = ignore,
): string {
  const result = validator(app)(environ, start);
  const body = Array.from(result, String).join("");
  result.close?.();
  return body;
}

function serveChanged(changes: object, app = hello): string {
  return serve(app, environOf(changes));
}

/** A server that takes exactly these steps with the result; `fail` is a `next` that throws. */
function drive(app: Wsgi.WsgiApp, steps: string): void {
  const result: Loose = validator(app)(environOf(), ignore);
  let chunks: Loose;
  const actions: Record<string, () => unknown> = {
    iterate: () => (chunks = result[Symbol.iterator]()),
    next: () => chunks.next(),
    fail: () => expect(() => chunks.next()).to.throw(RangeError),
    return: () => chunks.return(),
    close: () => result.close(),
  };
  for (const step of steps.split(" ")) actions[step]?.();
}

/** An application reads from an input of which `method` returns `value`. */
function readBack([method, value]: Loose): void {
  const app = using((input: Loose) => Array.from(input[method]() ?? []));
  serveChanged(
    changed("wsgi.input", method, () => value),
    app,
  );
}

/** An application calls a method of one of its streams with `args`. */
function misuse([key, method, ...args]: Loose): void {
  serve((environ, start) => {
    (environ as Loose)[key][method](...args);
    return hello(environ, start);
  });
}

function hello(_environ: Wsgi.Environ, start: Wsgi.StartResponse): Loose {
  start("200 OK", [PLAIN, FIVE]);
  return ["he", Buffer.from("llo")];
}

function crash(_environ: Wsgi.Environ, start: Wsgi.StartResponse): Loose {
  start("200 OK", [PLAIN]);
  return {
    [Symbol.iterator]: () => ({
      next: () => {
        throw new RangeError("crash");
      },
    }),
  };
}

/** An application that passes `args` to `startResponse`. */
function starting(...args: unknown[]): Wsgi.WsgiApp {
  return (_environ, start: Loose) => {
    start(...args);
    return [];
  };
}

function startWithHeader(header: unknown): void {
  serve(starting("200 OK", [PLAIN, header]));
}

/** An application that calls `startResponse` again, with `excInfo` when there is one. */
function restarting(...excInfo: unknown[]): Wsgi.WsgiApp {
  return (_environ, start: Loose) => {
    start("200 OK", [PLAIN, FIVE]);
    start("500 Oops", [PLAIN], ...excInfo);
    return [];
  };
}

function returning(result?: Loose, ...headers: Loose[]): Wsgi.WsgiApp {
  return (_environ, start) => {
    start("200 OK", [PLAIN, ...headers]);
    return result;
  };
}

function writing(...chunks: Loose[]): Wsgi.WsgiApp {
  return (_environ, start) => {
    const write = start("200 OK", [PLAIN, FIVE]);
    for (const chunk of chunks) write(chunk);
    return [];
  };
}

/** An application that uses its streams before it answers. */
function using(
  use: (input: Wsgi.InputStream, errors: Wsgi.ErrorStream) => unknown,
): Wsgi.WsgiApp {
  return (environ, start) => {
    use(environ["wsgi.input"], environ["wsgi.errors"]);
    return hello(environ, start);
  };
}

function ignore(): Loose {
  return () => {};
}

/** A correct environ with changes; `MISSING` leaves a key out. */
function environOf(changes: object = {}): Loose {
  const environ = {
    REQUEST_METHOD: "GET",
    SCRIPT_NAME: "",
    PATH_INFO: "/",
    QUERY_STRING: "",
    SERVER_NAME: "localhost",
    SERVER_PORT: "8000",
    SERVER_PROTOCOL: "HTTP/1.1",
    REMOTE_ADDR: "127.0.0.1",
    "wsgi.version": [1, 0],
    "wsgi.url_scheme": "http",
    "wsgi.input": inputOf("one\n", "two"),
    "wsgi.errors": { write() {}, writelines() {}, flush() {} },
    "wsgi.multithread": false,
    "wsgi.multiprocess": false,
    "wsgi.run_once": false,
    "wsgi.input_terminated": true,
    ...changes,
  };
  const entries = Object.entries(environ);
  return Object.fromEntries(
    entries.filter(([, value]) => (value as unknown) !== MISSING),
  );
}

/** A change that replaces one method of a stream. */
function changed(key: string, method: PropertyKey, replacement: unknown) {
  return { [key]: { ...environOf()[key], [method]: replacement } };
}

function inputOf(...lines: string[]): Wsgi.InputStream {
  const body = lines.map((line) => Buffer.from(line));
  return {
    read: (size) => Buffer.concat(body).subarray(0, size),
    readline: () => body[0]!,
    readlines: () => body,
    [Symbol.iterator]: () => body.values(),
  };
}
