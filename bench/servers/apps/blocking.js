/** Each path blocks in its own way. */
import { wait } from "eddy/wait";

const TRIPS = 1000;
const asleep = new Int32Array(new SharedArrayBuffer(4));

const paths = {
  "/hello": () => ["Hello, World!"],
  /** As a query to a database would, without one. */
  "/5ms": () => {
    Atomics.wait(asleep, 0, 0, 5);
    return ["done"];
  },
  /** µs of one round trip. */
  "/trips": () => {
    const since = performance.now();
    for (let i = 0; i < TRIPS; i++) wait.call("nothing");
    return [String(((performance.now() - since) * 1000) / TRIPS)];
  },
  "/exit": () => process.exit(1),
  "/wait": function* () {
    yield "begun";
    wait.call("forever");
  },
  "/read": function* (environ) {
    yield "begun";
    environ["wsgi.input"].read();
  },
  "/write": function* () {
    for (;;) yield "begun";
  },
};

export default function app(environ, startResponse) {
  startResponse("200 OK", [["content-type", "text/plain"]]);
  return paths[environ.PATH_INFO](environ);
}
