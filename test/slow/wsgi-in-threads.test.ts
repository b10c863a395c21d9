/** What WSGI-style applications do on the loop, they do in threads. */
import { inThreads } from "../support/everywhere.ts";

inThreads();
await import("../adapters/wsgi/result.test.ts");
await import("../adapters/wsgi/start-response.test.ts");
