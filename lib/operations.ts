/**
 * All of effection under its own names and types. What is used most is eddy's own: the same operations, step for step,
 * which are faster on the kernel's tasks and run on effection's as well.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { race, sleep, until } from "eddy/operations";
 *
 * function* slowly() {
 *   yield* race([until(fetch("http://127.0.0.1:9000")), sleep(1000)]);
 *   return "done";
 * }
 *
 * await new Loop().get("/slow", slowly).listen(8000);
 * ```
 */
export * from "./operations/restated.ts";
