/** `eddy-python <app> <processes>`: an application of apps/python/hello.py, with a native handler beside it. */
import { fileURLToPath } from "node:url";
import { Loop } from "eddy";
import { python } from "eddy/adapters/python";
import { PYTHON } from "../python-peers.js";
import { host, port, ready } from "./report.js";

const [, , , app = "app", processes = "1"] = process.argv;

await new Loop({ log: false, maxBodyBytes: 100 * 1024 * 1024 })
  .get("/native", () => "Hello, World!")
  .mount(
    "/",
    python(`hello:${app}`, {
      chdir: fileURLToPath(new URL("apps/python", import.meta.url)),
      python: PYTHON,
      processes: Number(processes),
    }),
  )
  .listen({ port, host });
ready();
