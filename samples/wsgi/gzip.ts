// A middleware that compresses pages for clients that can read it. Not for streams without an end: it waits for all.
import { gzipSync } from "node:zlib";
import type { Middleware } from "eddy/adapters/wsgi";

/**
 * A generator, for two reasons: an application that is one itself starts on the way to its first chunk, and `finally`
 * closes the application's result whether it was read to its end or not.
 */
export const gzip: Middleware = (app) =>
  function* (environ, startResponse) {
    const wanted = acceptsGzip(environ.HTTP_ACCEPT_ENCODING);
    const page: Uint8Array[] = [];
    let zips = false;
    const result = app(environ, (status, headers, ...excInfo) => {
      // Whole pages only, whose bytes nothing speaks of: a 206 counts them, an etag stands for them.
      const taken = headers.some(([name]) => TAKEN.test(name));
      const zip = wanted && status.startsWith("200") && !taken;
      const own = headers.filter(([name]) => !zip || !LENGTH.test(name));
      own.push(["vary", "accept-encoding"]); // for caches: others get it another way
      if (zip) own.push(["content-encoding", "gzip"]);
      const write = startResponse(status, own, ...excInfo);
      zips = zip;
      page.length = 0; // of an earlier start, which was an error
      return (chunk) =>
        zip ? void page.push(Buffer.from(chunk)) : write(chunk);
    });
    try {
      for (const chunk of result) {
        if (zips) page.push(Buffer.from(chunk));
        yield zips ? "" : chunk; // PEP 3333: who has nothing to say yet yields an empty chunk
      }
      if (zips) yield gzipSync(Buffer.concat(page));
    } finally {
      result.close?.();
    }
  };

const TAKEN = /^(content-encoding|etag)$/i;
const LENGTH = /^content-length$/i;

/** RFC 9110, section 12.5.3: `gzip;q=0` means anything but gzip, `*` what is not named. */
function acceptsGzip(header = ""): boolean {
  const weights = new Map<string, number>();
  for (const part of header.toLowerCase().split(",")) {
    const [coding = "", weight = "1"] = part.split(/;\s*q=/);
    weights.set(coding.trim(), Number(weight));
  }
  return (weights.get("gzip") ?? weights.get("*") ?? 0) > 0;
}
