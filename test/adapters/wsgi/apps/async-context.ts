/** Applications that keep the user of a request in an AsyncLocalStorage, or ask the loop who it is. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { WsgiApp } from "../../../../adapters/wsgi.ts";
import { wait } from "../../../../adapters/wsgi/wait.ts";

const user = new AsyncLocalStorage<string>();

/** Says who was there before, where somebody was. */
export const app: WsgiApp = (environ, startResponse) => {
  const before = user.getStore();
  user.enterWith(environ.HTTP_X_USER as string);
  startResponse("200 OK", []);
  return [`${before ?? user.getStore()}\n`, `${user.getStore()}`];
};

export const asking: WsgiApp = (_, startResponse) => {
  startResponse("200 OK", []);
  return [wait.call("user") as string];
};
