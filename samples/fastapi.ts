// A FastAPI application beside a TypeScript handler, on one port. Needs FastAPI: apt install python3-fastapi
//
//   npm run build && node dist/samples/fastapi.js
//   curl localhost:8000/guests                                                          # FastAPI
//   curl localhost:8000/guests -H 'content-type: application/json' -d '{"name": "Bob"}' # a model is checked
//   curl localhost:8000/numbers | tail -n 1                                             # streamed
//   curl localhost:8000/native                                                          # TypeScript
//
// Its WebSocket is at ws://localhost:8000/chat.
import { Loop } from "eddy";
import { python } from "eddy/adapters/python";

await new Loop()
  .get("/native", () => "Hello from the loop!\n")
  .mount("/", python("app:app", { chdir: "samples/fastapi" }))
  .serve(Number(process.env.PORT ?? 8000));
