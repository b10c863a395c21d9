/** Applications that never come to an end, one for each adapter: `/stream` begins its reply, all others give none. */
import { once } from "node:events";
import {
  createServer as createHttpServer,
  type RequestListener,
} from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fetch } from "eddy/adapters/fetch";
import { http } from "eddy/adapters/http";
import { node } from "eddy/adapters/node";
import { python } from "eddy/adapters/python";
import { uwsgi } from "eddy/adapters/uwsgi";
import { wsgi } from "eddy/adapters/wsgi";
import type { Application } from "../../../lib/index.ts";
import { PYTHON } from "../../../test/support/python.ts";
import { ROOT } from "../../../test/support/root.ts";
import type { Told } from "./told.ts";

export interface Left {
  readonly application: Application;
  /** Clients at a time, and the part of all requests: each has a thread for itself, which is far slower. */
  readonly clients: number;
  readonly share: number;
  /** Ends what stands behind it. */
  close?(): void;
}

const ON_THE_LOOP = { clients: 50, share: 1 };
const BEHIND_IT = { clients: 20, share: 0.2 };
const IN_THREADS = { clients: 4, share: 0.05 };

/** By adapter. A further one is a further line. */
export const LEFT: Readonly<Record<string, (told: Told) => Promise<Left>>> = {
  node: async (told) => ({ ...ON_THE_LOOP, application: node(endless(told)) }),
  fetch: async ({ asked, left }) => ({
    ...ON_THE_LOOP,
    application: fetch(({ url, signal }) => {
      asked(url);
      signal.addEventListener("abort", left);
      return url.includes("/stream")
        ? new Response(new ReadableStream({ start: begin }))
        : new Promise<Response>(() => {});
    }),
  }),
  wsgi: async ({ asked, left }) => ({
    ...ON_THE_LOOP,
    application: wsgi((environ, start) => {
      asked(environ.QUERY_STRING);
      start("200 OK", [["content-type", "text/plain"]]);
      return pieces(left);
    }),
  }),
  "wsgi in threads": async ({ asked, left }) => {
    const channel = new BroadcastChannel("eddy left");
    channel.onmessage = ({ data }) => (data === LEFT_IT ? left() : asked(data));
    const application = wsgi({
      module: new URL("threads.js", import.meta.url),
      export: "app",
      threads: 4,
    });
    return { ...IN_THREADS, application, close: () => channel.close() };
  },
  python: async (told) => ({
    ...IN_THREADS,
    ...(await inPython(told, "left:app")),
  }),
  "python with ASGI": async (told) => ({
    ...BEHIND_IT,
    ...(await inPython(told, "left:asgi")),
  }),
  http: async (told) => {
    const server = createHttpServer(endless(told));
    const port = await listening(server.listen(0, "127.0.0.1"));
    const application = http(`http://127.0.0.1:${port}`);
    return { ...BEHIND_IT, application, close: () => void server.close() };
  },
  uwsgi: async ({ asked, left }) => {
    const server = createServer((socket) =>
      socket
        .on("error", () => {})
        .on("close", left)
        .once("data", (packet) => {
          if (packet.includes("/stream"))
            socket.write("HTTP/1.1 200 OK\r\n\r\nbegun");
          asked(/QUERY_STRING..(\d+)/s.exec(packet.toString("latin1"))![1]!);
        }),
    );
    const port = await listening(server.listen(0, "127.0.0.1"));
    const application = uwsgi(`127.0.0.1:${port}`);
    return { ...BEHIND_IT, application, close: () => void server.close() };
  },
};

async function inPython(
  { asked, left }: Told,
  app: string,
): Promise<Pick<Left, "application" | "close">> {
  const path = join(tmpdir(), `eddy-aborted-${process.pid}.sock`);
  const server = createServer((worker) =>
    createInterface({ input: worker }).on("line", (line) =>
      line === LEFT_IT ? left() : asked(line),
    ),
  );
  await listening(server.listen(path));
  const application = python(app, {
    chdir: join(ROOT, "tools/hostile/left"),
    python: PYTHON,
    threads: 4,
    env: { TOLD: path },
  });
  return { application, close: () => void server.close() };
}

const endless =
  ({ asked, left }: Told): RequestListener =>
  (req, res) => {
    res.on("close", left);
    if (req.url!.startsWith("/stream")) res.write("begun");
    asked(req.url!);
  };

const begin = (controller: ReadableStreamDefaultController): void =>
  controller.enqueue(new TextEncoder().encode("begun"));

const PIECE = new Uint8Array(65_536);

function* pieces(left: () => void): Generator<Uint8Array> {
  try {
    for (;;) yield PIECE; // on the loop, where nobody can wait
  } finally {
    left();
  }
}

/** As threads and processes say it, in place of a query. */
const LEFT_IT = "left";

async function listening(server: Server): Promise<number> {
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
