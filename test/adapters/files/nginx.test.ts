/** The same folder by nginx: what it answers, we do. */
import { expect } from "chai";
import { files } from "../../../adapters/files.ts";
import { NGINX_MISSING, startNginx } from "../../support/nginx.ts";
import { describeIf } from "../../support/programs.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";
import { siteWith } from "../../support/site.ts";

const PATHS = [
  "/",
  "/a.txt",
  "/large.bin",
  "/docs",
  "/docs/",
  "/none",
  "/docs/none",
  "/a.txt/",
  "/a%20b.txt",
  "/empty",
];
const FIELDS = [
  [],
  ["Range: bytes=0-0"],
  ["Range: bytes=2-"],
  ["Range: bytes=-3"],
  ["Range: bytes=-1000000"],
  ["Range: bytes=1000000-"],
  ["Range: bytes=5-2"],
  ["Range: bytes=-"],
  ["Range: lines=0-1"],
  ["Range: bytes=0-1", "If-Range: Thu, 01 Jan 1970 00:00:00 GMT"],
  ["If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"],
  ["If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"],
  ["If-Modified-Since: soon"],
  ["If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"],
  ['If-None-Match: "other"'],
  ["If-None-Match: *"],
  ['If-Match: "other"'],
  ["If-Match: *"],
];

/** Where we mean something else, by RFC 9110, section 14. */
const MEANT = [
  /^HEAD .*Range: bytes/, // ranges are for GET alone
  /Range: bytes=(?:5-2|-)$/, // what is no range is not heeded
  /\/empty Range: bytes=(?:0-0|-)/, // nothing is not a part of nothing
];

/** What has to be the same of a reply. */
async function ask(
  port: number,
  line: string,
  fields: string[],
): Promise<string> {
  const client = await RawClient.connect(port);
  client.request(line, [...fields, "Connection: close"]);
  const [head = "", ...body] = (await client.untilClosed()).split("\r\n\r\n");
  const status = head.slice(9, 12);
  const field = (name: string): string =>
    new RegExp(`\r\n${name}: (.*)`, "i").exec(head)?.[1] ?? "";
  if (!status.startsWith("20")) return `${status} ${field("content-range")}`;
  const content = body.join("\r\n\r\n");
  return `${status} ${field("content-range")} ${field("content-length")} ${content.length}`;
}

describeIf(NGINX_MISSING, "files() and nginx", () => {
  it("answer alike", async () => {
    const folder = siteWith({
      "index.html": "<p>root",
      "a.txt": "0123456789",
      "large.bin": Buffer.alloc(200_000, "abc"),
      "docs/index.html": "<p>docs",
      "a b.txt": "space",
      empty: "",
    });
    const nginx = await startNginx(
      (port) =>
        `server { listen 127.0.0.1:${port}; root ${folder}; if_modified_since before; absolute_redirect off; }`,
    );
    const { port } = await serveWith((loop) => loop.mount(files(folder)));
    const differences: string[] = [];
    for (const method of ["GET", "HEAD"])
      for (const path of PATHS)
        for (const fields of FIELDS) {
          const line = `${method} ${path}`;
          const asked = `${line} ${fields.join(", ")}`;
          const [theirs, ours] = await Promise.all([
            ask(nginx, line, fields),
            ask(port, line, fields),
          ]);
          if (theirs !== ours && !MEANT.some((it) => it.test(asked)))
            differences.push(`${asked}: nginx ${theirs}, here ${ours}`);
        }
    expect(differences).to.deep.equal([]);
  });
});
