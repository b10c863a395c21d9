/** Files that an application below node() pipes into its response. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  createReadStream,
  openSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import fs from "node:fs";
import type { RequestListener, ServerResponse } from "node:http";
import { join } from "node:path";
import { expect } from "chai";
import express from "express";
import { node } from "../../../adapters/node.ts";
import { onEachEngine } from "../../support/engines.ts";
import { folderWith } from "../../support/folder.ts";
import { afterTest } from "../../support/hooks.ts";

const TEXT = Array.from({ length: 60_000 }, (_, i) => `line ${i}\n`).join("");

onEachEngine(({ serveWith }) => {
  const serve = (listener: RequestListener) =>
    serveWith((loop) => loop.mount(node(listener)));

  /** How often a thread of Node's has read. */
  function readsOfThreads(): { count: number } {
    const reads = { count: 0 };
    const { read } = fs;
    fs.read = ((...all: unknown[]) => {
      reads.count++;
      return Reflect.apply(read, fs, all);
    }) as typeof read;
    afterTest(() => void (fs.read = read));
    return reads;
  }

  describe("node(), a file that is piped into the response", () => {
    it("is the file, or what a client asks of it, read within the call", async () => {
      const folder = folderWith({ "text.txt": TEXT });
      const reads = readsOfThreads();
      const { url } = await serve(express().use(express.static(folder)));
      const whole = await fetch(`${url}/text.txt`);
      expect(await whole.text()).to.equal(TEXT);
      for (const [range, part] of [
        ["bytes=5-9", TEXT.slice(5, 10)],
        ["bytes=100000-399999", TEXT.slice(100_000, 400_000)],
        ["bytes=-7", TEXT.slice(-7)],
      ] as const) {
        const reply = await fetch(`${url}/text.txt`, { headers: { range } });
        expect(reply.status).to.equal(206);
        expect(await reply.text()).to.equal(part);
      }
      expect(reads.count).to.equal(0);
    });

    it("has the events and figures of its stream, and is closed behind it", async () => {
      const path = join(folderWith({ "text.txt": TEXT }), "text.txt");
      const seen: unknown[] = [];
      let closed!: Promise<unknown>;
      const { url } = await serve((_req, res) => {
        const file = createReadStream(path, { start: 10, highWaterMark: 1000 });
        for (const event of ["open", "ready", "end", "close"])
          file.on(event, () => seen.push(event));
        closed = once(file, "close").then(() => seen.push(file.bytesRead));
        file.pipe(res);
      });
      expect(await (await fetch(url)).text()).to.equal(TEXT.slice(10));
      await closed;
      expect(seen).to.deep.equal([
        "open",
        "ready",
        "end",
        "close",
        TEXT.length - 10,
      ]);
    });

    it("is read by what its application has given the stream", async () => {
      const path = join(folderWith({ "secret.txt": "secret" }), "secret.txt");
      const read = ((
        fd: number,
        bytes: Buffer,
        offset: number,
        length: number,
        at: number | null,
        done: (error: Error | null, count: number, bytes: Buffer) => void,
      ) =>
        fs.read(fd, bytes, offset, length, at, (error, count) =>
          done(error, count, bytes.fill("*", offset, offset + count)),
        )) as unknown as typeof fs.read;
      const { url } = await serve((_req, res) => {
        createReadStream(path, { fs: { ...fs, read } }).pipe(res);
      });
      expect(await (await fetch(url)).text()).to.equal("******");
    });

    it("that nobody holds back leaves others their turns", async () => {
      const path = join(folderWith({}), "sparse");
      writeFileSync(path, "");
      truncateSync(path, 64 * 1024 * 1024);
      let turns = 0;
      let closed!: Promise<unknown>;
      const { url } = await serve((_req, res) => {
        const file = createReadStream(path);
        closed = once(file, "close");
        const count = (): void => {
          turns++;
          if (!file.closed) setImmediate(count);
        };
        setImmediate(count);
        file.pipe(res);
      });
      expect((await fetch(url, { method: "HEAD" })).status).to.equal(200);
      await closed;
      expect(turns).to.be.greaterThan(100);
    });

    it("and the response may be an object that is made from it", async () => {
      const path = join(folderWith({ "text.txt": TEXT }), "text.txt");
      const { url } = await serve((_req, res) => {
        const wrapper = Object.create(res, {
          write: { value: (data: Buffer) => res.write(data) },
          end: { value: () => res.end() },
        }) as ServerResponse;
        expect(wrapper.emit("custom")).to.equal(false);
        createReadStream(path).pipe(wrapper);
      });
      expect(await (await fetch(url)).text()).to.equal(TEXT);
    });

    it("that is a named pipe does not keep the loop waiting", async () => {
      const path = join(folderWith({}), "fifo");
      execFileSync("mkfifo", [path]);
      const { url } = await serve((req, res) => {
        if (req.url === "/") createReadStream(path).pipe(res);
        else res.end("answered");
      });
      const reply = fetch(url);
      const fd = openSync(path, constants.O_RDWR);
      writeSync(fd, "be");
      expect(await (await fetch(`${url}/other`)).text()).to.equal("answered");
      writeSync(fd, "gun");
      const reader = (await reply).body!.getReader();
      let text = "";
      while (text.length < 5)
        text += Buffer.from((await reader.read()).value!).toString();
      expect(text).to.equal("begun");
      expect(await (await fetch(`${url}/other`)).text()).to.equal("answered");
      const last = reader.read();
      closeSync(fd);
      expect((await last).done).to.equal(true);
    });
  });
});
