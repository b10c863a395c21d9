/**
 * A queue of chunks in a temporary file, for request bytes that come after the client was asked to pause.
 *
 * uWebSockets.js goes on reading a socket while its 512 KiB reads come back full: from a fast client tens of megabytes
 * arrive after `pause()`. They go to the disk, so that a slow application bounds memory, not correctness. Writing
 * blocks the loop for the time of a copy into the page cache, which is also what makes a client slow down.
 */
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Bytes read back at a time. */
const READ = 64 * 1024;

export class Spill {
  readonly #file = openUnnamed();
  #written = 0;
  #read = 0;

  get empty(): boolean {
    return this.#read === this.#written;
  }

  /** @throws the system's error, when there is no room. */
  push(chunk: Uint8Array): void {
    for (let done = 0; done < chunk.length;)
      done += writeSync(
        this.#file,
        chunk,
        done,
        chunk.length - done,
        this.#written + done,
      );
    this.#written += chunk.length;
  }

  /** The oldest bytes, at most 64 KiB; undefined when there are none. */
  shift(): Uint8Array | undefined {
    if (this.empty) return undefined;
    const chunk = Buffer.allocUnsafeSlow(
      Math.min(READ, this.#written - this.#read),
    );
    const length = readSync(this.#file, chunk, 0, chunk.length, this.#read);
    this.#read += length;
    if (this.empty) this.#rewind();
    return chunk.subarray(0, length);
  }

  close(): void {
    closeSync(this.#file);
  }

  /** An application that keeps up now and then has one burst in the file, not the whole upload. */
  #rewind(): void {
    ftruncateSync(this.#file, 0);
    this.#written = this.#read = 0;
  }
}

/** The name is gone before the first byte is written: nothing is left behind, whatever ends the process. */
function openUnnamed(): number {
  const folder = mkdtempSync(join(tmpdir(), "eddy-body-"));
  try {
    return openSync(join(folder, "spill"), "wx+", 0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
