import { Loop } from "eddy";
import { host, port, ready } from "./report.js";

// oxlint-disable-next-line require-yield -- the least an operation can be
function* hello() {
  return "Hello, World!";
}

await new Loop({ log: false }).mount(hello).listen({ port, host });
ready();
