// A synchronous application that computes and reads files, in threads: it blocks them, and nobody else.
//
//   npm run build && node dist/samples/blocking.js
//   curl localhost:8000/sync/primes?5000000     # computes for a while
//   curl localhost:8000/sync/file?package.json  # reads a file, synchronously, piece by piece
//   curl localhost:8000/                        # is answered at once meanwhile
import { Loop } from "eddy";
import { wsgi } from "eddy/adapters/wsgi";

const module = new URL("./blocking/app.js", import.meta.url);

await new Loop()
  .mount("/sync", wsgi({ module, threads: 4 }))
  .get("/", async () => "The loop is free.\n")
  .serve(Number(process.env.PORT ?? 8000));
