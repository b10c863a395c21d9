/**
 * Keeps memory that is freed for what comes next. Bodies live outside of V8's heap, and V8 frees those of 32 MiB at
 * once. Where they end at the top of the heap, glibc gives that back to the system, which gives it out again, zeroed,
 * for the next bodies: a fault for each 4 KiB of them, and a third of what it costs to receive 64 KB.
 */

/** Bytes of a block. glibc learns only from those up to 32 MiB; with this it keeps 32 MiB at the top. */
const LESSON = 16 * 1024 * 1024;

/**
 * Once V8 has found that nobody has the block: glibc takes from its size what a process needs now and then, takes
 * blocks up to that from its heap, and keeps twice as much (mallopt(3), `M_MMAP_THRESHOLD`). Nobody writes into it, so
 * that it takes no memory. An environment that says `MALLOC_TRIM_THRESHOLD_` or `MALLOC_MMAP_THRESHOLD_` has the last
 * word; other allocators learn nothing from it.
 */
export function keepFreedMemory(): void {
  try {
    Buffer.allocUnsafeSlow(LESSON);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // A process that may not have as much (`ulimit -v`) goes without.
  }
}
