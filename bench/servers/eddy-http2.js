import { Loop } from "eddy";
import { host, port, ready } from "./report.js";

await new Loop({ log: false })
  .mount(() => "Hello, World!")
  .listen({ port, host, http2: true });
ready();
