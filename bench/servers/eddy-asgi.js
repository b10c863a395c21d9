/** `eddy-asgi <app> <processes>`: an application of apps/python/asgi.py. */
import { fileURLToPath } from "node:url";
import { Loop } from "eddy";
import { python } from "eddy/adapters/python";
import { PYTHON } from "../python-peers.js";
import { host, port, ready } from "./report.js";

const [, , , app = "bare", processes = "1"] = process.argv;

await new Loop({ log: false })
  .mount(
    "/",
    python(`asgi:${app}`, {
      chdir: fileURLToPath(new URL("apps/python", import.meta.url)),
      python: PYTHON,
      processes: Number(processes),
    }),
  )
  .listen({ port, host });
ready();
