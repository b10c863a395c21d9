/** Replies of Python's that leave something out, as Gunicorn and uWSGI send them. */
import { expect } from "chai";
import { needsPython, pythonApp } from "../support/python.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, type TestServer } from "../support/server.ts";

describe("A reply of Python's", function () {
  this.timeout(30_000); // processes have to start, on a machine that may be busy

  let server: TestServer;

  before(function () {
    needsPython(this);
  });
  beforeEach(async () => {
    server = await serveWith((loop) => loop.mount(pythonApp("bare:app")));
  });

  const ask = async (line: string): Promise<string> => {
    const client = await RawClient.connect(server.port);
    client.request(line, ["Connection: close"]);
    return await client.untilClosed();
  };

  it("that is a generator or written in pieces has no length for HEAD; a list has", async () => {
    for (const path of ["/pieces", "/write"]) {
      const received = await ask(`HEAD ${path}`);
      expect(received, path).to.match(/^HTTP\/1.1 200 /);
      expect(received, path).not.to.match(/content-length/i);
      expect(received, path).to.match(/\r\n\r\n$/);
    }
    expect(await ask("HEAD /list")).to.match(/content-length: 5\r\n/i);
    expect(await ask("GET /pieces")).to.match(/second\r\n0\r\n\r\n$/);
  });

  it("without Content-Type is sent without one", async () => {
    for (const path of ["/list", "/pieces"])
      expect(await ask(`GET ${path}`)).not.to.match(/content-type/i);
  });

  it("of 205 has no body", async () => {
    const received = await ask("GET /reset");
    expect(received).to.match(/^HTTP\/1.1 205 /);
    expect(received).to.match(/\r\n\r\n$/);
  });

  it("finds SERVER_SOFTWARE in os.environ", async () => {
    expect(await ask("GET /environ")).to.match(/\r\n\r\neddy$/);
  });
});
