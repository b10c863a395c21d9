import { Loop } from "eddy";
import { host, port, ready } from "./report.js";

await new Loop({ log: false })
  .mount(async () => "Hello, World!")
  .listen({ port, host });
ready();
