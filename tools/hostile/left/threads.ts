/** What runs in threads: it waits for ever, before its reply or within it, and tells of its end. */
import { BroadcastChannel } from "node:worker_threads";
import { wait } from "eddy/wait";
import type { WsgiApp } from "../../../adapters/wsgi/types.ts";

/** What a request waits for ends with it, so it cannot be told by `wait.call`. */
const told = new BroadcastChannel("eddy left");
const left = (): void => told.postMessage("left");

export const app: WsgiApp = (environ, start) => {
  told.postMessage(environ.QUERY_STRING);
  if (environ.PATH_INFO === "/stream") {
    start("200 OK", [["content-type", "text/plain"]]);
    return { [Symbol.iterator]: begun, close: left };
  }
  try {
    wait.sleep(3_600_000);
  } finally {
    left();
  }
  return [];
};

function* begun(): Generator<string> {
  yield "begun";
  wait.sleep(3_600_000);
}
