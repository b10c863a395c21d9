/** `--reload`: sees the application's files change. */
import {
  call,
  createQueue,
  resource,
  type Operation,
  type Queue,
} from "effection";

export interface Watcher {
  readonly changes: Queue<string, never>;
  add(files: readonly string[]): void;
}

export interface WatcherListener {
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
    const known = new Set<string>();
    const pending = new Set<string>();
    const watcher = watch([], { atomic: true }); // editors write a new file and rename it
    watcher.on("all", (event, file) => {
      if (event !== "add" || !pending.delete(file)) return changes.add(file);
      if (pending.size === 0) listener.watching(known.size);
    });
    watcher.on("error", (error) => listener.failed(error as Error));
    const add = (files: readonly string[]): void => {
      const unknown = files.filter((file) => !known.has(file));
      for (const file of unknown) {
        known.add(file);
        pending.add(file);
      }
      watcher.add(unknown);
    };
    try {
      yield* provide({ changes, add });
    } finally {
      yield* call(() => watcher.close());
    }
  });
}
