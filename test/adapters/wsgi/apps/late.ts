/** Applications that are loaded when somebody says so: the thread gives its number, and goes on when it hears that. */
import { BroadcastChannel, threadId } from "node:worker_threads";
import { LOADING } from "../../../support/loading.ts";

export { byPath } from "./blocking.ts";

const loading = new BroadcastChannel(LOADING);
loading.postMessage(threadId);
await new Promise<void>((resolve) => {
  loading.onmessage = ({ data }: { data: number }) => {
    if (data === threadId) resolve();
  };
});
loading.close();
