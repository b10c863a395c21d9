/** `--reload`: sees the application's files change, and those appear that it lacks. */
import {
  existsSync,
  statSync,
  watch as watchFolder,
  type FSWatcher,
} from "node:fs";
import { dirname } from "node:path";
import {
  call,
  createQueue,
  resource,
  type Operation,
  type Queue,
} from "effection";
import { MAX_TIMER_MS } from "../common/checked-options.ts";

export interface Watcher {
  readonly changes: Queue<string, never>;
  /**
   * Of a file that is not there it is a change that it comes.
   *
   * @param since when they were as whoever uses them knows them: milliseconds since 1970.
   */
  add(files: readonly string[], since: number): void;
}

interface WatcherListener {
  /** There are more files than before. */
  watching(files: number): void;
  /** A file cannot be watched: mostly, the machine watches as many as it may. */
  failed(error: Error): void;
}

/** Ends with the scope. */
export function useWatcher(listener: WatcherListener): Operation<Watcher> {
  return resource(function* (provide) {
    const { watch } = yield* call(() => import("chokidar")); // slow to load, and seldom needed
    const changes = createQueue<string, never>();
    const failed = (error: Error): void => listener.failed(error);
    const known = new Set<string>();
    const pending = new Map<string, number>();
    const alive = setInterval(() => {}, MAX_TIMER_MS); // the only thing that waits, where no worker runs
    const missing = new MissingFiles((file) => changes.add(file), failed);
    const watcher = watch([], { atomic: true }); // editors write a new file and rename it
    watcher.on("all", (_event, file) => {
      const since = pending.get(file);
      if (since === undefined || changedAt(file) > since) changes.add(file);
      if (pending.delete(file) && pending.size === 0)
        listener.watching(known.size);
    });
    watcher.on("error", (error) => failed(error as Error));
    const add = (files: readonly string[], since: number): void => {
      const unknown = files.filter((file) => !known.has(file));
      const there = unknown.filter(isFile);
      for (const file of there) {
        known.add(file);
        pending.set(file, since);
      }
      watcher.add(there);
      missing.add(unknown.filter((file) => !existsSync(file)));
    };
    try {
      yield* provide({ changes, add });
    } finally {
      clearInterval(alive);
      missing.close();
      yield* call(() => watcher.close());
    }
  });
}

/** Now, when it is watched: chokidar has looked at it before that. A file that is gone has changed. */
const changedAt = (path: string): number =>
  statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;

const isFile = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Of files that are not there, the folders: chokidar does not see what comes while it begins to watch one. */
class MissingFiles {
  readonly #files = new Set<string>();
  readonly #folders = new Map<string, FSWatcher>();
  readonly #came: (file: string) => void;
  readonly #failed: (error: Error) => void;

  constructor(came: (file: string) => void, failed: (error: Error) => void) {
    this.#came = came;
    this.#failed = failed;
  }

  /** Where the folder of a file is not there either, the first of its folders that is not. */
  add(files: readonly string[]): void {
    for (const file of files) {
      let path = file;
      while (!existsSync(dirname(path))) path = dirname(path);
      this.#files.add(path);
      this.#watch(dirname(path));
    }
    this.#look();
  }

  close(): void {
    for (const folder of this.#folders.values()) folder.close();
  }

  #watch(folder: string): void {
    if (this.#folders.has(folder)) return;
    try {
      const watcher = watchFolder(folder, () => this.#look());
      this.#folders.set(folder, watcher.on("error", this.#failed));
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #look(): void {
    for (const file of this.#files)
      if (existsSync(file)) {
        this.#files.delete(file);
        this.#came(file);
      }
  }
}
