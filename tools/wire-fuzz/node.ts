/** The same applications on node:http. */
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import type { Journal } from "./journal.ts";
import { PLACES, placeNames, type Place } from "./places.ts";
import { answerTo, BAD_ESCAPE } from "./request.ts";
import { HOST, INCOMPLETE, type Served } from "./served.ts";

/** With the parser's own limits, and as strict as it is by default. */
export async function serveNode(journal: Journal): Promise<Served> {
  const server = createServer((request, response) => {
    answer(journal, request, response).catch(() => response.destroy()); // the client left in the middle of a body
  });
  await once(server.listen(0, HOST), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    trouble: () => [],
    async close() {
      server.closeAllConnections();
      await once(server.close(), "close");
      return { tally: undefined, lines: {} };
    },
  };
}

async function answer(
  journal: Journal,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "", url = "" } = request;
  const [, path = "", query = ""] = /^([^?]*)\??(.*)$/s.exec(url) ?? [];
  const place = placeOf(path);
  const status = refusal(method, path, place);
  if (status !== 200) return void response.writeHead(status).end();
  const { reads, waits } = PLACES[place];
  const heard = { method, path, query, fields: fieldsOf(request) };
  const see = (body: string): string => answerTo(place, heard, body);
  const address = request.socket.remoteAddress!;
  if (place === "/wsgi") {
    const seen = see((await buffer(request)).toString("latin1"));
    journal.note(address, seen);
    return void response.end(seen, "latin1");
  }
  const correct = journal.note(address, see("") + INCOMPLETE);
  if (waits) await setImmediate();
  const body = reads ? (await buffer(request)).toString("latin1") : "";
  correct(see(body));
  response.end(see(body), "latin1");
}

function placeOf(path: string): Place {
  return (
    placeNames.find(
      (place) => path === place || path.startsWith(`${place}/`),
    ) ?? "/nothing"
  );
}

function refusal(method: string, path: string, place: Place): number {
  const { status, methods } = PLACES[place];
  if (BAD_ESCAPE.test(path)) return 400;
  if (status !== 200) return status;
  return methods && !methods.includes(method) ? 405 : 200;
}

function fieldsOf({ rawHeaders }: IncomingMessage): [string, string][] {
  const fields: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2)
    fields.push([rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!]);
  return fields;
}
