/**
 * Mocha's configuration for `npm run test:quick`: the tests that stay in their process, on one engine. Left out are the
 * slow ones, the fuzzers, the other engine's own, and files that take a second or two by themselves.
 */
import { createRequire } from "node:module";
import inProcess from "./in-process.js";

/** That of the command: uWebSockets.js where it loads. */
function usualEngine() {
  try {
    createRequire(import.meta.url)("../dist/lib/engine/uws/load.js");
    return "uws";
  } catch {
    return "node";
  }
}

process.env.TEST_ENGINE ??= usualEngine(); // Mocha's processes inherit it

const OTHERS = /^dist\/test\/(slow\/|lib\/engine\/(uws|node)\/|.*fuzz)/;
const LONG =
  /\/(conformance|docs|frameworks|http-web-socket|live|spill|stall|websocket\/channel)\.test/;
const OWN = `dist/test/lib/engine/${process.env.TEST_ENGINE}/`;

export default {
  spec: inProcess.spec.filter(
    (file) => (file.startsWith(OWN) || !OTHERS.test(file)) && !LONG.test(file),
  ),
};
