// What each of the threads loads. See ../blocking.ts.
import { closeSync, openSync, readSync } from "node:fs";
import type { WsgiApp } from "eddy/adapters/wsgi";

const app: WsgiApp = (environ, startResponse) => {
  const pages: Record<string, WsgiApp> = { "/primes": primes, "/file": file };
  return (pages[environ.PATH_INFO] ?? missing)(environ, startResponse);
};
export default app;

const primes: WsgiApp = ({ QUERY_STRING }, startResponse) => {
  const sieve = new Uint8Array(Number(QUERY_STRING) + 1);
  let found = 0;
  for (let n = 2; n < sieve.length; n++) {
    if (sieve[n] === 1) continue;
    found++;
    for (let multiple = n * n; multiple < sieve.length; multiple += n)
      sieve[multiple] = 1;
  }
  startResponse("200 OK", [["content-type", "text/plain"]]);
  return [`${found} primes up to ${QUERY_STRING}\n`];
};

/** In pieces: the next is read when the client has taken the one before. Closed also when it leaves. */
const file: WsgiApp = function* ({ QUERY_STRING: name }, startResponse) {
  const fd = openSync(name === "package.json" ? name : "/dev/null", "r");
  try {
    startResponse("200 OK", [["content-type", "text/plain"]]);
    const piece = Buffer.alloc(64 * 1024);
    for (let read = 1; read > 0;) {
      read = readSync(fd, piece);
      yield piece.subarray(0, read);
    }
  } finally {
    closeSync(fd);
  }
};

const missing: WsgiApp = (_environ, startResponse) => {
  startResponse("404 Not Found", [["content-type", "text/plain"]]);
  return ["There is /primes?N and /file?package.json.\n"];
};
