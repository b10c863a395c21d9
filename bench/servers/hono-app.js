/** The application of all servers of Hono: a text, JSON with a parameter, JSON there and back. */
import { Hono } from "hono";

export const app = new Hono()
  .get("/users/:id", (c) => c.json({ id: c.req.param("id"), name: "Zoe" }))
  .post("/orders", async (c) => {
    const { items } = await c.req.json();
    return c.json({ count: items.length });
  })
  .get("/", (c) => c.text("Hello, World!"));
