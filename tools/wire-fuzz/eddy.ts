/** The applications on eddy: a handler of every kind. */
import { setImmediate } from "node:timers/promises";
import { until } from "effection";
import { pino } from "pino";
import { wsgi } from "../../adapters/wsgi.ts";
import {
  Loop,
  type Application,
  type GatewayRequest,
} from "../../lib/index.ts";
import { showEnviron } from "../../test/wire/answers.ts";
import type { Journal } from "./journal.ts";
import type { Place } from "./places.ts";
import { answerTo } from "./request.ts";
import { HOST, INCOMPLETE, type Served } from "./served.ts";

export async function serveEddy(journal: Journal): Promise<Served> {
  const lines: Record<string, number> = {};
  const troubles: string[] = [];
  const write = (line: string): void => {
    const { level, outcome, remoteAddress, method } = JSON.parse(line) as Line;
    if (level >= WARN) troubles.push(line);
    if (outcome === undefined) return;
    lines[outcome] = (lines[outcome] ?? 0) + 1;
    journal.log(remoteAddress!, method!);
  };
  const loop = new Loop({
    log: pino({ level: "info" }, { write }),
    accessLog: true,
    drainTimeoutMs: 0,
  });
  mountAll(loop, journal);
  const { port } = await loop.listen({ port: 0, host: HOST });
  return {
    port: port!,
    trouble: () => troubles.splice(0),
    close: async () => ({ tally: (await loop.close()).tally, lines }),
  };
}

interface Line {
  level: number;
  /** Of an access line. */
  outcome?: string;
  remoteAddress?: string;
  method?: string;
}

const WARN = 40;

function mountAll(loop: Loop, journal: Journal): void {
  const { "/get": get, ...others } = applications(journal);
  loop.get("/get", get).get("/get/*", get);
  for (const [place, application] of Object.entries(others))
    loop.mount(place, application);
}

type Applications = Record<Exclude<Place, "/nothing">, Application>;

function applications(journal: Journal): Applications {
  const see = (place: Place, request: GatewayRequest): Say =>
    witness(journal, place, request);
  return {
    "/sync": (request) => see("/sync", request)(NOTHING),
    "/get": (request) => see("/get", request)(NOTHING),
    "/async": async (request) => {
      const say = see("/async", request);
      return say(await request.bytes());
    },
    "/turn": async (request) => {
      const say = see("/turn", request);
      await setImmediate();
      return say(await request.bytes());
    },
    *"/operation"(request) {
      const say = see("/operation", request);
      return say(yield* request.bytes());
    },
    *"/later"(request) {
      const say = see("/later", request);
      yield* until(setImmediate());
      return say(yield* request.bytes());
    },
    "/wsgi": wsgi((environ, startResponse) => {
      startResponse("200 OK", [["content-type", "text/plain"]]);
      const body = toBytes(environ["wsgi.input"].read());
      const seen = showEnviron({ ...environ }, "") + (body && `\n\n${body}`);
      journal.note(environ.REMOTE_ADDR, seen);
      return [Buffer.from(seen, "latin1")];
    }),
  };
}

/** The reply, once there is a body. */
type Say = (body: Uint8Array) => Uint8Array;

const NOTHING = new Uint8Array();

/** Notes what a request looks like, now and when its body is there. */
function witness(journal: Journal, place: Place, request: GatewayRequest): Say {
  const { method, mountPath, path, queryString, headers } = request;
  const heard = {
    method,
    path: toBytes(mountPath + path),
    query: toBytes(queryString),
    fields: headers.raw.flatMap((name, i) =>
      i % 2 === 0 ? [[name, toBytes(headers.raw[i + 1]!)] as const] : [],
    ),
  };
  const address = request.remoteAddress;
  const correct = journal.note(
    address,
    answerTo(place, heard, "") + INCOMPLETE,
  );
  return (body) => {
    const seen = answerTo(place, heard, toBytes(body));
    correct(seen);
    return Buffer.from(seen, "latin1");
  };
}

/** One character a byte. */
function toBytes(text: string | Uint8Array): string {
  return Buffer.from(text as string).toString("latin1");
}
