/**
 * The entry of a thread: loads the application, says so, and serves what comes. Between requests the event loop turns
 * as it does anywhere.
 */
import { setPriority } from "node:os";
import {
  AsyncContext,
  importModule,
  noteImports,
} from "../../../../lib/adapter.ts";
import type { WsgiApp } from "../../types.ts";
import { toData } from "../error-data.ts";
import { fileOf } from "../options.ts";
import type { ThreadData, ToThread } from "../protocol.ts";
import { channel, threadData, type Channel } from "./channel.ts";
import { printTo } from "./print.ts";
import { serveRequest } from "./serve.ts";

/** Lower than the priority of the loop, which has to answer everybody. */
const NICENESS = 5;

if (channel === undefined || threadData === undefined)
  throw new Error("this is the entry of eddy's threads, and of nothing else");

await start(threadData, channel);

async function start(
  { port, module, name, multiprocess, watched }: ThreadData,
  channel: Channel,
): Promise<void> {
  if (process.platform === "linux") setPriority(NICENESS); // of this thread; elsewhere it would be the process's
  printTo(channel);
  tellOfFailure(channel);
  const loadedFiles = watched ? await noteImports() : undefined;
  try {
    const app = await load(module, name).finally(() => {
      if (loadedFiles !== undefined) channel.post(["files", 0, loadedFiles()]);
    });
    let due: NodeJS.Immediate | undefined;
    const serveNext = (): void => {
      due = undefined;
      const request = channel.begin();
      if (request === undefined) return channel.post(["idle", 0]);
      new AsyncContext().runInAsyncScope(
        serveRequest,
        undefined,
        app,
        request,
        channel,
        multiprocess,
      );
      if (!channel.isIdle) due = setImmediate(serveNext); // timers and promises of the application first
    };
    port.on("message", ([kind]: ToThread) => {
      if (kind === "retire") process.exit();
      if (kind === "work" && due === undefined) serveNext();
    });
    channel.post(["ready", 0]);
  } catch (error) {
    channel.post(["refused", 0, toData(error)]);
  }
}

/**
 * An error that nobody catches ends the thread. Node would send it as it is, and reads some as it should not: one that
 * is its own cause ends the process.
 */
function tellOfFailure(channel: Channel): void {
  process.on("uncaughtException", (error) => {
    if (process.listenerCount("uncaughtException") > 1) return; // the application sees to it
    channel.post(["failed", 0, toData(error)]);
    process.exit(1);
  });
}

/** @throws {Error} that says how the module fails, or what it exports in place of the application. */
async function load(url: string, export_: string): Promise<WsgiApp> {
  const file = fileOf(url);
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = await importModule(new URL(url));
  } catch (cause) {
    const { name, message } = toData(cause);
    throw new Error(`cannot load ${file}: ${name}: ${message}`, { cause });
  }
  const app = exports[export_];
  if (typeof app === "function") return app as WsgiApp;
  const found = Object.keys(exports).join(", ") || "nothing";
  throw new Error(
    app === undefined
      ? `${file} has no export "${export_}"; it exports ${found}`
      : `export "${export_}" of ${file} is not a function`,
  );
}
