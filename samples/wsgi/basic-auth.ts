// A middleware that lets nobody in without a name and a password (RFC 7617). Use it with TLS: both are readable on the
// way.
import { createHash, timingSafeEqual } from "node:crypto";
import type { Middleware } from "eddy/adapters/wsgi";

/** Asks for `user` and `password`; the application finds the name as REMOTE_USER. */
export function basicAuth(user: string, password: string): Middleware {
  const expected = digest(`${user}:${password}`);
  return (app) => (environ, startResponse) => {
    const header = environ.HTTP_AUTHORIZATION;
    const given = /^basic +([\w+/-]+=*) *$/i.exec(header ?? "")?.[1] ?? "";
    // Digests are of one length, and comparing them takes one time: nobody learns how much of a guess was right.
    if (timingSafeEqual(digest(Buffer.from(given, "base64")), expected)) {
      const known = { ...environ, AUTH_TYPE: "Basic", REMOTE_USER: user };
      return app(known, startResponse);
    }
    startResponse("401 Unauthorized", [
      ["content-type", "text/plain"],
      ["www-authenticate", 'Basic realm="eddy", charset="UTF-8"'],
    ]);
    return ["Who are you?\n"];
  };
}

function digest(secret: string | Uint8Array): Uint8Array {
  return createHash("sha256").update(secret).digest();
}
