/** More headers than any request needs. The engine takes 16 KiB, then answers 431 and closes. */
import type { Attack, Size } from "../attack.ts";
import { Foe } from "../foe.ts";
import { countFates } from "../tactics.ts";

const PIECE = "x".repeat(64 * 1024);
const MB = 1024 * 1024;

/** In turns with the socket, until all is sent or the server has had enough. */
async function pour(foe: Foe, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes; sent += PIECE.length) {
    if (foe.lasted !== undefined) return;
    await foe.send(PIECE).drained();
  }
}

/** The reply is lost when the connection is reset under what is still being sent. */
function refused({ status, lasted }: Foe): string {
  if (lasted === undefined) return "still connected";
  return status === undefined || status === "431" ? "refused" : status;
}

export function manyHeaders(size: Size): Attack {
  const count = { small: 10, full: 200 }[size];
  const lines = Array.from({ length: 100_000 }, (_, i) => `X-${i}: 1\r\n`);
  const request = `GET /sync HTTP/1.1\r\nHost: test\r\n${lines.join("")}\r\n`;
  return {
    name: "100,000 headers",
    load: `${count} requests of ${(request.length / MB).toFixed(1)} MB of headers`,
    async run({ port }) {
      const foes = await Foe.many(port, count);
      for (const foe of foes) foe.send(request);
      await Promise.all(foes.map((foe) => foe.ended()));
      return { fates: countFates(foes, refused) };
    },
    expectations: {
      fates: { refused: count },
      tally: { accepted: 0 },
      growth: 50,
    },
  };
}

export function longHeader(size: Size): Attack {
  const count = { small: 5, full: 50 }[size];
  return {
    name: "a header of 100 MB",
    load: `${count} attempts`,
    async run({ port }) {
      const foes = await Foe.many(port, count);
      await Promise.all(
        foes.map(async (foe) => {
          foe.send("GET /sync HTTP/1.1\r\nHost: test\r\nX: ");
          await pour(foe, 100 * MB);
          await foe.ended();
        }),
      );
      const most = Math.max(...foes.map(({ socket }) => socket.bytesWritten));
      return {
        fates: countFates(foes, refused),
        note: `the longest got ${(most / MB).toFixed(1)} MB out`,
      };
    },
    expectations: {
      fates: { refused: count },
      tally: { accepted: 0 },
      growth: 50,
    },
  };
}
