/** A program: says why uWebSockets.js does not load on this machine, and nothing where it does. */
import { reasonOf } from "../engine/uws/reason.ts";

try {
  await import("../engine/uws/load.ts");
} catch (error) {
  console.log(reasonOf((error as Error).cause ?? error));
}
