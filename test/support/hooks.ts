/** What a test starts or makes ends with it. Root hooks, given to mocha by `--require`: a module's own would be registered once. */
import type { RootHookObject } from "mocha";

type CleanUp = () => unknown;

let cleanUps: CleanUp[] = [];

/** Called when the test is over, the last one first, each even if another one fails. */
export function afterTest(cleanUp: CleanUp): void {
  cleanUps.push(cleanUp);
}

async function cleanUp(this: Mocha.Context): Promise<void> {
  this.timeout(60_000); // processes that end, on a busy machine
  const all = cleanUps.reverse();
  cleanUps = [];
  const errors: unknown[] = [];
  for (const one of all)
    try {
      await one();
    } catch (error) {
      errors.push(error);
    }
  if (errors.length > 0) throw errors[0];
}

export const mochaHooks: RootHookObject = {
  afterEach: cleanUp,
  afterAll: cleanUp, // what the hooks of a suite without tests have made
};
