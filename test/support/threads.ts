/** Applications of the tests' modules in threads. */
import { ThreadedApplication } from "../../adapters/wsgi/threads/application.ts";
import type {
  ThreadedApp,
  ThreadTimes,
} from "../../adapters/wsgi/threads/options.ts";
import type { OpenApplication } from "../../lib/index.ts";

/** Export `name` of test/adapters/wsgi/apps/`file`; in one thread, where nothing else is asked for. */
export function threaded(
  file: string,
  name: string,
  options: Partial<ThreadedApp> = {},
  times: Partial<ThreadTimes> = {},
): OpenApplication {
  const module = new URL(`../adapters/wsgi/apps/${file}.js`, import.meta.url);
  const app = { module, export: name, threads: 1, ...options };
  return new ThreadedApplication(app, times);
}
