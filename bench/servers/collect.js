/** Collects garbage when the parent wants to know what is in use. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export function collectOnSignal() {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  process.on("SIGUSR2", () => {
    collect();
    collect();
  });
}
