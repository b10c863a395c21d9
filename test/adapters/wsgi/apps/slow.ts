/** What slow clients ask for: uploads, and long replies. As test/adapters/python/apps/slow.py has it. */
import { createHash } from "node:crypto";
import type { WsgiApp } from "../../../../adapters/wsgi/types.ts";
import { wait } from "../../../../adapters/wsgi/wait.ts";

const PIECE = Uint8Array.from({ length: 65_536 }, (_, i) => i % 256);

export const app: WsgiApp = (environ, start) => {
  const text: [string, string] = ["content-type", "text/plain"];
  if (environ.PATH_INFO === "/long") {
    const count = Number(environ.QUERY_STRING);
    start("200 OK", [text, ["content-length", `${count * PIECE.length}`]]);
    return long(count);
  }
  start("200 OK", [text]);
  switch (environ.PATH_INFO) {
    case "/closed":
      wait.call("closed");
      return ["closed"];
    case "/upload": {
      const hash = createHash("sha256");
      const body = environ["wsgi.input"].read();
      return [`${hash.update(body).digest("hex")} ${environ.CONTENT_LENGTH}`];
    }
    default:
      return ["hello"];
  }
};

function* long(count: number): Generator<Uint8Array> {
  try {
    for (let i = 0; i < count; i++) yield PIECE;
  } finally {
    wait.call("close");
  }
}
