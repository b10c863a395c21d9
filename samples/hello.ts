// The smallest gateway: `npm start`, then `curl localhost:8000`.
import { Loop } from "eddy";

await new Loop()
  .mount(() => "Hello, World!\n")
  .serve(Number(process.env.PORT ?? 8000));
