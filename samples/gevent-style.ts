// Code that looks synchronous and waits for many things: in threads, by eddy/wait. No callbacks, no await.
//
//   npm run build && node dist/samples/gevent-style.js
//   curl localhost:8000/one/Ada   # one request to another mount
//   curl localhost:8000/all       # ten of them, at once
//   curl -m 0.2 localhost:8000/slow  # goes away: what it waited for is halted, "cleaned up" appears
import { json, Loop } from "eddy";
import { wsgi } from "eddy/adapters/wsgi";
import { sleep, type Operation } from "eddy/operations";

const module = new URL("./gevent-style/app.js", import.meta.url);

const loop = new Loop();

/** Lent to the application: an operation, or any function. */
function* research(): Operation<string> {
  try {
    yield* sleep(3_600_000);
    return "found";
  } finally {
    loop.log.info("cleaned up");
  }
}

await loop
  .get("/api/greeting/:name", function* ({ params }) {
    yield* sleep(100); // a slow service
    return json({ text: `Hello, ${params.name}!` });
  })
  .mount(wsgi({ module, threads: 4, provide: { research } }))
  .serve(Number(process.env.PORT ?? 8000));
