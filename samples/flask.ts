// A Flask application beside a TypeScript handler, on one port. Needs Flask: apt install python3-flask
//
//   npm run build && node dist/samples/flask.js
//   curl localhost:8000/                                   # Flask
//   curl localhost:8000/numbers | tail -n 1                # Flask, streamed
//   curl -T package.json -X POST localhost:8000/upload     # Flask reads while you send
//   curl localhost:8000/native                             # TypeScript
import { Loop } from "eddy";
import { python } from "eddy/adapters/python";

await new Loop({ maxBodyBytes: 100 * 1024 * 1024 })
  .get("/native", () => "Hello from the loop!\n")
  .mount("/", python("app:app", { chdir: "samples/flask", threads: 4 }))
  .serve(Number(process.env.PORT ?? 8000));
