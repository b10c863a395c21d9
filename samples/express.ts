// An Express application, unchanged, beside a handler of the loop's, on one port. Needs Express: npm install express
//
//   npm run build && node dist/samples/express.js
//   curl localhost:8000/hello/World                                       # Express
//   curl -i localhost:8000/hello.ts                                       # Express, by its static files
//   curl -d '{"a":1}' -H content-type:application/json localhost:8000/echo  # Express reads the body
//   curl -N localhost:8000/clock                                          # Express, an event stream; leave it with
// Ctrl-C
//   curl localhost:8000/native                                            # the loop
import { Loop } from "eddy";
import { node } from "eddy/adapters/node";
import express from "express";

const loop = new Loop();
const app = express();

app.use(express.json());

app.get("/hello/:name", (req, res) => {
  res.send(`Hello, ${req.params.name}!\n`);
});

app.post("/echo", (req, res) => {
  res.json({ youSent: req.body as unknown });
});

app.get("/clock", (req, res) => {
  res.type("text/event-stream");
  const tell = (): boolean =>
    res.write(`data: ${new Date().toISOString()}\n\n`);
  tell();
  const clock = setInterval(tell, 1000);
  res.on("close", () => {
    clearInterval(clock); // the client has left, or the loop drains
    loop.log.info("the clock stops");
  });
});

app.use(express.static("samples"));

await loop
  .get("/native", () => "Hello from the loop!\n")
  .mount("/", node(app))
  .serve(Number(process.env.PORT ?? 8000));
