/** Applications of the tests' modules in threads. */
import { wsgi, type ThreadedApp } from "../../adapters/wsgi.ts";
import type { OpenApplication } from "../../lib/index.ts";

/** Export `name` of test/adapters/wsgi/apps/`file`; in one thread, where nothing else is asked for. */
export function threaded(
  file: string,
  name: string,
  options: Partial<ThreadedApp> = {},
): OpenApplication {
  const module = new URL(`../adapters/wsgi/apps/${file}.js`, import.meta.url);
  return wsgi({ module, export: name, threads: 1, ...options });
}
