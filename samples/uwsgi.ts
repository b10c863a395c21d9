// An application that uWSGI runs already, beside new ones in the loop; nginx may come by HTTP or by uwsgi_pass.
// uwsgi --plugin python3 --socket /tmp/eddy-sample.sock --wsgi-file samples/uwsgi/app.py --master
// npm run build && node dist/samples/uwsgi.js, then:
//   curl localhost:8000/old/Ada     by uWSGI
//   curl localhost:8000/new/Ada     by the loop itself
//   curl localhost:8000/old         again, without uWSGI: 502, and the log says why
import { Loop } from "eddy";
import { uwsgi } from "eddy/adapters/uwsgi";

const upstream = process.env["UPSTREAM"] ?? "unix:/tmp/eddy-sample.sock";
const front = process.env["FRONT"] ?? "127.0.0.1:3031"; // for nginx: uwsgi_pass 127.0.0.1:3031;

const loop = new Loop({ accessLog: true, requestTimeoutMs: 30_000 });
loop.mount("/old", uwsgi(upstream, { timeoutMs: 10_000 }));
loop.get("/new/:name", ({ params }) => `Hello, ${params["name"]}.\n`);

await loop.listen({ uwsgi: front });
await loop.serve(Number(process.env["PORT"] ?? 8000));
