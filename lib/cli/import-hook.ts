/** Runs in Node's thread for import hooks, and reports each file that is imported. */
import type { LoadHook } from "node:module";
import type { MessagePort } from "node:worker_threads";

let port: MessagePort;

export function initialize(given: MessagePort): void {
  port = given;
}

export const load: LoadHook = (url, context, next) => {
  if (url.startsWith("file:")) port.postMessage(url);
  return next(url, context);
};
