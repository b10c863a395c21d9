/**
 * What a test starts or makes ends with it. Root hooks, given to mocha by `--require`: a module's own would be
 * registered once.
 */
import type { RootHookObject } from "mocha";

type CleanUp = () => unknown;

/** Not by the flag of Node, which all processes and threads of the tests would inherit, and take longer to start. */
process.setSourceMapsEnabled(true);

const ofTest: CleanUp[] = [];
const ofFile: CleanUp[] = [];

/** Called when the test is over, the last one first, each even if another one fails. */
export function afterTest(cleanUp: CleanUp): void {
  ofTest.push(cleanUp);
}

/** Called when the tests of the file are over, or of all files that this process has. */
export function afterFile(cleanUp: CleanUp): void {
  ofFile.push(cleanUp);
}

async function run(test: Mocha.Context, cleanUps: CleanUp[]): Promise<void> {
  test.timeout(60_000); // processes that end, on a busy machine
  const errors: unknown[] = [];
  for (const cleanUp of cleanUps.splice(0).reverse())
    try {
      await cleanUp();
    } catch (error) {
      errors.push(error);
    }
  if (errors.length > 0) throw errors[0];
}

export const mochaHooks: RootHookObject = {
  async afterEach(this: Mocha.Context) {
    await run(this, ofTest);
  },
  async afterAll(this: Mocha.Context) {
    await run(this, ofTest); // of hooks, in a suite without tests
    await run(this, ofFile);
  },
};
