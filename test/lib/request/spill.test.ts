import { expect } from "chai";
import { createHash } from "node:crypto";
import {
  fstatSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Spill } from "../../../lib/request/spill.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";

const KIB = 1024;
const LINUX = process.platform === "linux";

/** A folder for temporary files, of each test's own. */
function useFolder(): () => string {
  let folder: string;
  const { TMPDIR } = process.env;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "eddy-test-"));
    process.env.TMPDIR = folder;
  });
  afterEach(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    rmSync(folder, { recursive: true });
  });
  return () => folder;
}

/** Bytes that differ along their way, so that a mix-up shows. */
function bytes(length: number, seed: number): Buffer<ArrayBuffer> {
  const buffer = Buffer.alloc(length);
  for (let i = 0; i < length; i++) buffer[i] = (i * 31 + (i >> 8) + seed) % 251;
  return buffer;
}

/** Of the files below `folder` that this process has open; without names they are found by their descriptors. */
function fileSizes(folder: string): number[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const file = readlinkSync(`/proc/self/fd/${fd}`);
      return file.startsWith(folder) ? [fstatSync(Number(fd)).size] : [];
    } catch {
      return []; // the descriptor of this very look
    }
  });
}

describe("A spill", () => {
  const folder = useFolder();
  let spill: Spill;
  beforeEach(() => void (spill = new Spill()));
  afterEach(() => spill.close());

  /** All that is left in it, and the lengths of the pieces. */
  function drain(): { all: Buffer; lengths: number[] } {
    const pieces: Uint8Array[] = [];
    for (let piece = spill.shift(); piece; piece = spill.shift())
      pieces.push(piece);
    const lengths = pieces.map(({ length }) => length);
    return { all: Buffer.concat(pieces), lengths };
  }

  it("is empty at first", () => {
    expect(spill.empty).to.equal(true);
    expect(spill.shift()).to.equal(undefined);
  });

  it("gives back what was put in, in order", () => {
    const chunks = [1, 100, 70_000].map((length, i) => bytes(length, i));
    for (const chunk of chunks) spill.push(chunk);
    expect(spill.empty).to.equal(false);
    expect(drain().all.equals(Buffer.concat(chunks))).to.equal(true);
    expect(spill.empty).to.equal(true);
    expect(spill.shift()).to.equal(undefined);
  });

  it("gives back at most 64 KiB at a time", () => {
    const chunk = bytes(600 * KIB, 1);
    spill.push(chunk);
    const { all, lengths } = drain();
    expect(all.equals(chunk)).to.equal(true);
    expect(Math.max(...lengths)).to.equal(64 * KIB);
  });

  it("keeps the order while it is filled and emptied in turns", () => {
    const chunks = [1, 2, 3].map((seed) => bytes(300 * KIB, seed));
    const found: Uint8Array[] = [];
    for (const chunk of chunks) {
      spill.push(chunk);
      found.push(spill.shift()!);
    }
    const all = Buffer.concat([...found, drain().all]);
    expect(all.equals(Buffer.concat(chunks))).to.equal(true);
  });

  it("starts over when it was emptied", () => {
    for (let round = 0; round < 5; round++) {
      const chunk = bytes(1000, round);
      spill.push(chunk);
      expect(drain().all.equals(chunk), `round ${round}`).to.equal(true);
    }
  });

  it("takes a view of a larger buffer for the view alone", () => {
    const view = bytes(1000, 0).subarray(200, 300);
    spill.push(view);
    expect(drain().all.equals(view)).to.equal(true);
  });

  it("gives back bytes that later ones do not change", () => {
    const chunk = bytes(1000, 1);
    spill.push(chunk);
    const found = spill.shift()!;
    spill.push(bytes(1000, 2));
    spill.shift();
    expect(Buffer.from(found).equals(chunk)).to.equal(true);
  });

  it("ignores an empty chunk", () => {
    spill.push(new Uint8Array(0));
    expect(spill.empty).to.equal(true);
  });

  it("leaves no name in the folder for temporary files", () => {
    spill.push(bytes(1000, 1));
    expect(readdirSync(folder())).to.deep.equal([]);
  });

  (LINUX ? it : it.skip)(
    "takes no more disk than what waits in it, and none when closed (Linux only)",
    () => {
      for (let round = 0; round < 5; round++) {
        spill.push(bytes(100 * KIB, round));
        expect(fileSizes(folder())).to.deep.equal([100 * KIB]);
        drain();
        expect(fileSizes(folder())).to.deep.equal([0]);
      }
      spill.close();
      expect(fileSizes(folder())).to.deep.equal([]);
      spill = new Spill(); // for afterEach to close
    },
  );
});

describe("An upload that comes faster than it is read", function () {
  this.timeout(30_000);
  const folder = useFolder();
  const upload = bytes(30_000_000, 0);
  const hashOf = (content: Uint8Array): string =>
    createHash("sha256").update(content).digest("hex");

  /** Until the engine pushed more than is kept in memory. */
  async function untilSpilt(): Promise<void> {
    while (LINUX && fileSizes(folder()).length === 0) await setImmediate();
  }

  it("arrives byte by byte, by way of a file that is gone afterwards", async () => {
    const server = await serveWith(
      (loop) =>
        loop.mount(async ({ body }) => {
          await untilSpilt();
          const hash = createHash("sha256");
          for await (const chunk of body) {
            hash.update(chunk);
            await setImmediate();
          }
          return hash.digest("hex");
        }),
      { maxBodyBytes: Infinity },
    );
    for (let round = 0; round < 2; round++) {
      const response = await fetch(server.url, {
        method: "POST",
        body: upload,
      });
      expect(await response.text()).to.equal(hashOf(upload));
      expect(readdirSync(folder())).to.deep.equal([]);
      if (LINUX) expect(fileSizes(folder())).to.deep.equal([]);
    }
  });

  /** Until the server has seen what was sent so far. */
  async function turns(url: string): Promise<void> {
    for (let i = 0; i < 20; i++) await (await fetch(`${url}/turn`)).text();
  }

  for (const few of [0, 240 * KIB, 300 * KIB])
    it(`holds its client back until it is read, and lets it go on then: ${few} bytes come first`, async () => {
      let read!: () => void;
      const toRead = new Promise<void>((resolve) => (read = resolve));
      const server = await serveWith(
        (loop) =>
          loop
            .mount("/turn", () => "")
            .mount(async ({ body }) => {
              await toRead;
              let length = 0;
              for await (const chunk of body) length += chunk.length;
              return `${length} bytes`;
            }),
        { maxBodyBytes: Infinity },
      );
      const length = few + 4 * upload.length;
      const client = await RawClient.connect(server.port);
      client.request("POST /", [`content-length: ${length}`]);
      client.send("x".repeat(few));
      await turns(server.url);
      for (let i = 0; i < 4; i++) client.socket.write(upload);
      for (let left = Infinity; client.socket.writableLength < left;) {
        left = client.socket.writableLength;
        await turns(server.url);
      }
      const held = client.socket.writableLength;
      read();
      expect(held).to.be.above(0);
      await client.until(new RegExp(`${length} bytes$`));
      client.abort();
    });

  it("leaves no file behind where nobody reads it", async () => {
    const server = await serveWith(
      (loop) =>
        loop.mount(async () => {
          await untilSpilt();
          return "enough";
        }),
      { maxBodyBytes: Infinity },
    );
    const client = await RawClient.connect(server.port);
    client.request("POST /", [`content-length: ${upload.length}`]);
    client.socket.write(upload);
    await client.until(/enough$/);
    if (LINUX) expect(fileSizes(folder())).to.deep.equal([]);
    expect(readdirSync(folder())).to.deep.equal([]);
    client.abort();
  });

  it("leaves no file behind where its client leaves", async () => {
    let read!: () => void;
    const toRead = new Promise<void>((resolve) => (read = resolve));
    const server = await serveWith(
      (loop) =>
        loop.mount(async (request) => {
          await untilSpilt();
          request.log.info("spilt");
          await toRead; // a client that is held back is not seen to leave before
          return request.bytes();
        }),
      { maxBodyBytes: Infinity, accessLog: true },
    );
    const client = await RawClient.connect(server.port);
    client.request("POST /", [`content-length: ${2 * upload.length}`]);
    client.socket.write(upload);
    await server.logged(({ msg }) => msg === "spilt");
    client.abort();
    read();
    await server.logged((line) => line["outcome"] === "abort");
    if (LINUX) expect(fileSizes(folder())).to.deep.equal([]);
    expect(readdirSync(folder())).to.deep.equal([]);
  });
});
