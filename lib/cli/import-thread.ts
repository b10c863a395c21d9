/** The thread of `importAnew`. */
import { parentPort, workerData } from "node:worker_threads";
import { importModule } from "./import-module.ts";

const module = (await importModule(workerData as string)) as object;
try {
  parentPort!.postMessage({ default: Reflect.get(module, "default") });
} catch (cause) {
  throw new TypeError((cause as Error).message); // a DOMException arrives without its text
}
