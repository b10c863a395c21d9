/** Clients of HTTP/2 that reset what they have asked for, and whose connections end with the rest. */
import { once } from "node:events";
import {
  frame,
  RawHttp2,
  request,
  reset,
  TYPE,
} from "../../../test/support/raw-http2.ts";
import type { Attack, Size } from "../attack.ts";
import type { Target } from "../target.ts";

/** Streams of a connection: those that are reset stay below what Node takes at once, the others end with it. */
const RESET = 900;
const LEFT = 100;

/** Streams in a packet: no more than a connection may have. */
const AT_A_TIME = 100;

/** For what comes of all streams of a connection. */
const ROOM = Buffer.from([0x7f, 0, 0, 0]);

const CONNECTIONS = { small: 2, full: 100 };

/** `path`: where it is served. What has come of each stream before it is reset says in which state that finds it. */
const storm =
  (when: string, path: string, until: readonly number[]) =>
  (size: Size): Attack => ({
    name: `HTTP/2 streams that are reset ${when}`,
    load: `${CONNECTIONS[size]} connections, ${RESET} streams reset and ${LEFT} left on each`,
    target: { http2: true },
    async run(target) {
      for (let i = 0; i < CONNECTIONS[size]; i++)
        await attack(target, path, until);
      return { fates: { left: CONNECTIONS[size] } };
    },
    expectations: {
      fates: { left: CONNECTIONS[size] },
      growth: 150, // as abort storms
    },
  });

async function attack(
  { port }: Target,
  path: string,
  until: readonly number[],
): Promise<void> {
  const client = await RawHttp2.connect(port);
  client.send(frame(TYPE.WINDOW_UPDATE, 0, 0, ROOM));
  let stream = 1;
  for (let sent = 0; sent < RESET + LEFT; sent += AT_A_TIME) {
    const streams = Array.from({ length: AT_A_TIME }, (_, i) => stream + 2 * i);
    stream += 2 * AT_A_TIME;
    client.send(...streams.map((id) => request(id, path)));
    const last = streams.at(-1);
    for (const type of until)
      await client.until((it) => it.stream === last && it.type === type);
    if (sent < RESET) client.send(...streams.map(reset));
    client.frames.length = 0;
  }
  client.socket.end();
  if (!client.closed) await once(client.socket, "close");
}

export const resetBefore = storm("before the reply", "/parked/async", []);
export const resetDuring = storm("during the reply", "/endless/async", [
  TYPE.DATA,
]);
export const resetAfter = storm("after the reply", "/sync", [TYPE.DATA]);
