import { expect } from "chai";
import { createHash } from "node:crypto";
import fs, {
  fstatSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Spill, SpillBudget } from "../../../lib/request/spill.ts";
import { Gate } from "../../support/gate.ts";
import { itOnUws } from "../../support/native.ts";
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
  let budget: SpillBudget;
  let spill: Spill;
  const errors: Error[] = [];
  const create = (most?: number): void => {
    budget = new SpillBudget(most);
    spill = new Spill(budget, (error) => errors.push(error));
  };
  beforeEach(() => {
    errors.length = 0;
    create();
  });
  afterEach(() => {
    spill.close();
    expect(budget.waiting).to.equal(0);
    expect(errors).to.deep.equal([]);
  });

  /** All that is left in it, and the lengths of the pieces. */
  async function drain(): Promise<{ all: Buffer; lengths: number[] }> {
    const pieces: Uint8Array[] = [];
    for (let piece; (piece = await spill.shift());) pieces.push(piece);
    const lengths = pieces.map(({ length }) => length);
    return { all: Buffer.concat(pieces), lengths };
  }

  /** Until nothing waits for the disk. */
  async function written(): Promise<void> {
    while (budget.waiting > 0) await setImmediate();
  }

  it("is empty at first", async () => {
    expect(spill.empty).to.equal(true);
    expect(await spill.shift()).to.equal(undefined);
  });

  for (const [when, wait] of Object.entries({
    "from memory": async () => {},
    "from the disk": written,
    "on their way there": () => setImmediate(),
  })) {
    it(`gives back what was put in, in order, ${when}`, async () => {
      const chunks = [1, 100, 70_000, 5, 600 * KIB, 7].map(bytes);
      for (const chunk of chunks) spill.push(chunk);
      await wait();
      expect(spill.empty).to.equal(false);
      expect((await drain()).all.equals(Buffer.concat(chunks))).to.equal(true);
      expect(spill.empty).to.equal(true);
    });

    it(`keeps the order while it is filled and emptied in turns, ${when}`, async () => {
      const chunks = Array.from({ length: 30 }, (_, i) =>
        bytes(i % 3 === 0 ? 300 * KIB : 10, i),
      );
      const found: Uint8Array[] = [];
      for (const chunk of chunks) {
        spill.push(chunk);
        await wait();
        found.push((await spill.shift()) ?? new Uint8Array());
      }
      const all = Buffer.concat([...found, (await drain()).all]);
      expect(all.equals(Buffer.concat(chunks))).to.equal(true);
    });
  }

  it("gives back at most 512 KiB at a time", async () => {
    for (let i = 0; i < 4; i++) spill.push(bytes(512 * KIB, i));
    await setImmediate();
    const { lengths } = await drain();
    expect(Math.max(...lengths)).to.be.at.most(512 * KIB);
  });

  it("takes a view of a larger buffer for the view alone, and copies it", async () => {
    const view = bytes(1000, 0).subarray(200, 300);
    const before = Buffer.from(view);
    spill.push(view);
    view.fill(0);
    expect((await drain()).all.equals(before)).to.equal(true);
  });

  it("gives back bytes that later ones do not change", async () => {
    const chunk = bytes(1000, 1);
    spill.push(chunk);
    const found = (await spill.shift())!;
    spill.push(bytes(1000, 2));
    await spill.shift();
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

  it("writes away from the loop", () => {
    const { writeSync } = fs;
    fs.writeSync = (() => expect.fail("written at once")) as never;
    syncBuiltinESMExports();
    try {
      spill.push(bytes(600 * KIB, 1));
    } finally {
      fs.writeSync = writeSync;
      syncBuiltinESMExports();
    }
    expect(budget.waiting).to.equal(600 * KIB);
  });

  it("keeps in memory what it has a budget for, with others, and writes the rest at once", async () => {
    create(2 ** 20);
    const other = new Spill(budget, (error) => errors.push(error));
    other.push(bytes(600 * KIB, 1));
    const chunks = Array.from({ length: 20 }, (_, i) => bytes(300 * KIB, i));
    for (const chunk of chunks) {
      spill.push(chunk);
      expect(budget.waiting).to.be.at.most(2 ** 20);
    }
    expect((await drain()).all.equals(Buffer.concat(chunks))).to.equal(true);
    other.close();
  });

  it("counts the memory of chunks, however small they are", () => {
    for (let i = 0; i < 10_000; i++) spill.push(Buffer.of(i));
    expect(budget.waiting).to.be.at.most(2 * 64 * KIB);
  });

  (LINUX ? it : it.skip)(
    "closes its file once what is under way is done (Linux only)",
    async () => {
      spill.push(bytes(100 * KIB, 1));
      const read = spill.shift();
      spill.close();
      spill.close();
      await read;
      while (fileSizes(folder()).length > 0) await setImmediate();
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

  async function untilClosed(): Promise<void> {
    while (LINUX && fileSizes(folder()).length > 0) await setImmediate();
  }

  itOnUws(
    "arrives byte by byte, by way of a file that is gone afterwards",
    async () => {
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
        await untilClosed();
      }
    },
  );

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

  (LINUX ? it : it.skip)(
    "takes no more disk than its limit where nobody reads it (Linux only)",
    async () => {
      const done = new Gate();
      const server = await serveWith(
        (loop) =>
          loop
            .mount("/turn", () => "")
            .mount(async () => {
              await done.opened;
              return "not read";
            }),
        { maxBodyBytes: 2_000_000 },
      );
      const client = await RawClient.connect(server.port);
      client.request("POST /", ["transfer-encoding: chunked"]);
      client.send(`${upload.length.toString(16)}\r\n`);
      client.socket.write(upload);
      let most = 0;
      for (let i = 0; i < 20; i++) {
        await turns(server.url);
        most = Math.max(most, ...fileSizes(folder()));
      }
      expect(most).to.be.at.most(2_000_000);
      done.open();
      await client.until(/not read$/);
      await untilClosed();
      client.abort();
    },
  );

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
    await untilClosed();
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
    await untilClosed();
    expect(readdirSync(folder())).to.deep.equal([]);
  });
});
