/**
 * Mocha's configuration for `npm run test:quick`: the tests that stay in their process, on one engine, without the slow
 * ones and the other engine's own.
 */
import inProcess from "./in-process.js";

const engine = await import("../dist/lib/engine/uws/load.js").then(
  () => "uws",
  () => "node",
);
process.env.TEST_ENGINE ??= engine; // Mocha's processes inherit it

const OTHERS = /^dist\/test\/(slow|lib\/engine\/(uws|node))\//;
const OWN = `dist/test/lib/engine/${process.env.TEST_ENGINE}/`;

export default {
  spec: inProcess.spec.filter(
    (file) => file.startsWith(OWN) || !OTHERS.test(file),
  ),
};
