/**
 * What `node()` relies on in node:http and Node does not promise: which of its own methods its requests and responses
 * call, and in what order. Looked at once, before the first application; on a Node that is made otherwise there is an
 * error that says how, in place of replies that are wrong.
 */
import { EventEmitter } from "node:events";
import { IncomingMessage, ServerResponse } from "node:http";
import {
  END_CALLBACKS,
  HEADERS_COUNT,
  NEED_DRAIN,
  NO_CALLBACK,
  OUT_HEADERS,
  type Incoming,
  type Outgoing,
  type Callback,
} from "./insides.ts";

/** The classes that are looked at. */
interface Classes {
  readonly Request: new (socket: never) => IncomingMessage;
  readonly Response: new (req: IncomingMessage) => ServerResponse;
}

const OF_NODE: Classes = {
  Request: IncomingMessage,
  Response: ServerResponse,
};

let known: readonly string[] | undefined;

/** What is not as it has to be; usually nothing. */
export function brokenParts(classes?: Classes): readonly string[] {
  if (classes !== undefined) return look(classes);
  return (known ??= look(OF_NODE));
}

function look(classes: Classes): string[] {
  return PARTS.filter(([, holds]) => {
    try {
      return !holds(classes);
    } catch {
      return true; // a method that it relies on is missing
    }
  }).map(([what]) => what);
}

/** What has to hold, as the end of a sentence, and whether it does. */
type Part = readonly [what: string, holds: (classes: Classes) => boolean];

const PARTS: readonly Part[] = [
  [
    "headers are made of rawHeaders, as far as they are counted",
    ({ Request }) => {
      const req = new Request(new ProbeSocket() as never) as Incoming;
      req.rawHeaders = ["a", "1", "b", "2"];
      req[HEADERS_COUNT] = 2;
      return Object.keys(req.headers).join() === "a";
    },
  ],
  [
    "a request reads its body by _read",
    ({ Request }) => {
      const req = new Request(new ProbeSocket() as never) as Incoming;
      let asked = 0;
      req._read = () => asked++;
      req.read();
      return asked === 1 && typeof req._dump === "function";
    },
  ],
  [
    "end() goes through _storeHeader, _send and _finish",
    ({ Response }) => {
      const { res, calls } = probe(Response);
      res.setHeader("A", "1");
      res.end("whole");
      const [head, whole, ...rest] = calls;
      return (
        head === "_storeHeader own" &&
        whole === "_send whole" &&
        ["_finish", "_send ,_finish"].includes(rest.join()) &&
        res.headersSent
      );
    },
  ],
  [
    "write() goes through _storeHeader and _send, with the caller's callback or one that is always the same",
    ({ Response }) => {
      const { res, calls, told } = probe(Response);
      const own = (): void => {};
      res.writeHead(200, { a: "1" });
      res.write("1");
      res.write("2", own);
      return (
        calls.join() === "_storeHeader given,_send 1,_send 2" &&
        told.join() === [NO_CALLBACK, own].join() &&
        told[0] === NO_CALLBACK &&
        told[1] === own
      );
    },
  ],
  [
    "`finish` is emitted by the callback of the last _send, unless the connection had an error",
    ({ Response }) => {
      const { res, told } = probe(Response);
      let finished = 0;
      res.on("finish", () => finished++);
      res.end();
      const before = finished;
      told.at(-1)!();
      res.socket = { _hadError: true } as never;
      told.at(-1)!();
      return before === 0 && finished === 1;
    },
  ],
  [
    "a callback of end() is a listener, or kept beside them",
    ({ Response }) => {
      const { res } = probe(Response);
      res.end("whole", () => {});
      return res._eventsCount > 0 || res[END_CALLBACKS]?.length === 1;
    },
  ],
  [
    "a full response is told so by writableNeedDrain, until it is not",
    ({ Response }) => {
      const { res } = probe(Response);
      res._send = () => false;
      res.write("1");
      const needed = res.writableNeedDrain;
      res[NEED_DRAIN] = false;
      return needed && !res.writableNeedDrain;
    },
  ],
  [
    "interim replies go through _writeRaw",
    ({ Response }) => {
      const { res, calls } = probe(Response);
      res.writeContinue();
      return calls.join() === "_writeRaw HTTP/1.1 100 Continue";
    },
  ],
  [
    "a request or response that is destroyed destroys its connection",
    ({ Request, Response }) => {
      const [first, second] = [new ProbeSocket(), new ProbeSocket()];
      new Request(first as never).destroy();
      const { res } = probe(Response);
      res.socket = second as never;
      res.destroy();
      return first.asked === 1 && second.asked === 1;
    },
  ],
  [
    "listeners are counted by _eventsCount",
    ({ Request, Response }) => {
      const req = new Request(new ProbeSocket() as never) as Incoming;
      const { res } = probe(Response);
      const before = req._eventsCount + res._eventsCount;
      req.on("close", () => {});
      res.on("close", () => {});
      return before === 0 && req._eventsCount + res._eventsCount === 2;
    },
  ],
];

class ProbeSocket extends EventEmitter {
  readonly writable = true;
  readonly readable = true;
  destroyed = false;
  asked = 0;
  write(): void {}
  destroy(): void {
    this.asked++;
    this.destroyed = true;
  }
}

/** A response that tells what it calls. */
function probe(Response: Classes["Response"]): {
  res: Outgoing;
  calls: string[];
  told: (Callback | undefined)[];
} {
  const req = new IncomingMessage(new ProbeSocket() as never);
  req.method = "GET";
  req.httpVersionMajor = req.httpVersionMinor = 1;
  const res = new Response(req) as Outgoing;
  const connection = {
    _httpMessage: res,
    _writableState: {},
    writableLength: 0,
    writableCorked: 1,
    writable: true,
    cork() {},
    uncork() {},
  };
  res.socket = connection as never;
  const calls: string[] = [];
  const told: (Callback | undefined)[] = [];
  res._storeHeader = (line, headers) => {
    const own = headers === res[OUT_HEADERS];
    calls.push(`_storeHeader ${own ? "own" : "given"}`);
    res.chunkedEncoding = false;
    res._header = line;
  };
  res._send = (data, encoding, callback) => {
    calls.push(`_send ${String(data)}`);
    told.push(typeof encoding === "function" ? encoding : callback);
    return true;
  };
  res._finish = () => calls.push("_finish");
  res._writeRaw = (data) => calls.push(`_writeRaw ${data.trim()}`) > 0;
  return { res, calls, told };
}
