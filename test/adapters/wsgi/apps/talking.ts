/** An application that prints while none of its requests runs. */
import type { WsgiApp } from "../../../../adapters/wsgi/types.ts";

console.log("printed while it loads");

export const app: WsgiApp = (_, start) => {
  void Promise.resolve().then(() => console.log("printed in a promise"));
  setTimeout(() => console.log("printed in a timer"));
  start("200 OK", []);
  return [];
};
