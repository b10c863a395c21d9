/** For `node --import`: TypeScript runs in the process, in its threads, and in those that it forks. */
import { mapStacks } from "./use-hooks.ts";

mapStacks();
