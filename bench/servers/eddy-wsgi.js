import { Loop } from "eddy";
import { wsgi } from "eddy/adapters/wsgi";
import { host, port, ready } from "./report.js";

const app = wsgi((environ, startResponse) => {
  startResponse("200 OK", [["content-type", "text/plain"]]);
  return ["Hello, World!"];
});

await new Loop({ log: false }).mount(app).listen({ port, host });
ready();
