/** RFC 9110, section 6.6.1: every reply of an origin server with a clock has a `date`. */
import { expect } from "chai";
import { stream } from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { RawClient } from "../../support/raw-client.ts";

const HOST = "HTTP/1.1\r\nHost: a\r\n";

/** Refused by the gateway, or answered. */
const REQUESTS: Record<string, string> = {
  200: `GET / ${HOST}\r\n`,
  "200 in chunks": `GET /stream ${HOST}\r\n`,
  "200 and the end": `GET / ${HOST}Connection: close\r\n\r\n`,
  "200 to HEAD": `HEAD / ${HOST}\r\n`,
  204: `GET /204 ${HOST}\r\n`,
  304: `GET /304 ${HOST}\r\n`,
  400: `GET / ${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`,
  404: `GET /none ${HOST}\r\n`,
  413: `POST / ${HOST}Content-Length: 100\r\n\r\n`,
  500: `GET /500 ${HOST}\r\n`,
};

/** Refused by the engine. */
const MALFORMED: Record<string, string> = {
  400: "GET / HTTP/1.1\r\n\r\n",
  431: `GET / ${HOST}X: ${"x".repeat(20_000)}\r\n\r\n`,
  505: "GET / HTTP/1.5\r\n\r\n",
};

onEachEngine(({ name, serveWith }) => {
  const requests = { ...REQUESTS, ...(name === "node" && MALFORMED) };
  for (const [what, request] of Object.entries(requests))
    it(`Every reply has one date: ${what}`, async () => {
      const server = await serveWith(
        (loop) =>
          loop
            .get("/204", () => null)
            .get("/304", () => ({ status: 304 }))
            .get("/stream", () => stream(["a"]))
            .get("/500", () => {
              throw new Error("on purpose");
            })
            .any("/", () => ({ headers: { date: "never" }, body: "a" })),
        { maxBodyBytes: 10 },
      );
      server.expectLog(/GET \/500 failed/);
      const client = await RawClient.connect(server.port);
      client.send(request);
      const [head] = await client.until(/^[^]*?\r\n\r\n/);
      client.abort();
      expect(head).to.match(new RegExp(`^HTTP/1.1 ${what.slice(0, 3)} `));
      const dates = head.match(/(?<=^date: ).*(?=\r$)/gim) ?? [];
      expect(dates).to.have.lengthOf(1);
      expect(Date.now() - Date.parse(dates[0]!)).to.be.within(-1000, 20_000);
    });

  const MADE = "Sun, 06 Nov 1994 08:49:37 GMT";

  it(`The date that an application gives is ${name === "node" ? "sent" : "replaced"}`, async () => {
    const server = await serveWith((loop) =>
      loop
        .get("/", () => ({ headers: { Date: MADE }, body: "a" }))
        .get("/stream", () => stream(["a"], { headers: { date: MADE } }))
        .get("/response", () => new Response("a", { headers: { date: MADE } })),
    );
    for (const path of ["/", "/stream", "/response"]) {
      const date = (await fetch(server.url + path)).headers.get("date");
      expect(date === MADE, `${date}`).to.equal(name === "node");
    }
  });
});
