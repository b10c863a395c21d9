/** A folder in which an application in another process notes what it sees, and looks for what it waits for. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { folderWith } from "./folder.ts";

export interface Desk {
  /** Of the test that runs. */
  readonly path: string;
  /** What the application has noted; waited for. */
  noted(name: string): Promise<string>;
}

/** For each test of a suite one of its own. */
export function useDesk(): Desk {
  let path: string;
  beforeEach(() => (path = folderWith({})));
  return {
    get path() {
      return path;
    },
    async noted(name) {
      const file = join(path, name);
      while (!existsSync(file) || !readFileSync(file, "utf8").endsWith("\n"))
        await setTimeout(5);
      return readFileSync(file, "utf8").trimEnd();
    },
  };
}
