// Structured concurrency: what a request starts ends with it. Leave early and watch the log.
//   curl localhost:8000/both          two tasks at once, awaited together
//   curl localhost:8000/fastest       the first answer wins, the loser is halted
//   curl localhost:8000/impatient     a time limit in one line
//   curl -m 1 localhost:8000/forever  goes away after a second: "cleaned up" appears
import { all, race, sleep, spawn, type Operation } from "eddy/operations";
import { HttpError, json, Loop, type GatewayRequest } from "eddy";

// Operations are generator functions at the top level: V8 pays for each one that is created for a request.
function* ask(name: string, ms: number): Operation<string> {
  yield* sleep(ms);
  return `${name} took ${ms} ms`;
}

function* both(): Operation<ReturnType<typeof json>> {
  return json(yield* all([ask("a", 30), ask("b", 20)]));
}

function* fastest(): Operation<string> {
  return yield* race([ask("tortoise", 10_000), ask("hare", 10)]);
}

function* tooLate(ms: number): Operation<never> {
  yield* sleep(ms);
  throw new HttpError(504, `no answer within ${ms} ms`);
}

function* impatient(): Operation<string> {
  return yield* race([ask("slow database", 10_000), tooLate(50)]);
}

function* forever(request: GatewayRequest): Operation<string> {
  try {
    yield* spawn(() => ask("a task of the request", 3_600_000));
    return yield* ask("nothing", 3_600_000);
  } finally {
    request.log.info("cleaned up");
  }
}

await new Loop({ accessLog: true })
  .get("/both", both)
  .get("/fastest", fastest)
  .get("/impatient", impatient)
  .get("/forever", forever)
  .serve(Number(process.env.PORT ?? 8000));
