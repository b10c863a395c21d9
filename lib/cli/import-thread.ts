/** The thread of `importAnew`. */
import { parentPort, workerData } from "node:worker_threads";
import { importModule } from "../common/modules/import-module.ts";

const module = await importModule(workerData as string);
try {
  parentPort!.postMessage({ default: module["default"] });
} catch (cause) {
  throw new TypeError((cause as Error).message); // a DOMException arrives without its text
}
