// A service of async handlers: JSON in and out, routes with parameters, errors with a status.
//   curl -d '{"title":"buy milk"}' -H 'content-type: application/json' localhost:8000/todos
//   curl localhost:8000/todos/1
//   curl -X DELETE localhost:8000/todos/1
import { HttpError, json, Loop, type GatewayRequest } from "eddy";

interface Todo {
  id: number;
  title: string;
}

const todos = new Map<number, Todo>();
let lastId = 0;

async function create(request: GatewayRequest) {
  const { title } = await request.json<Partial<Todo>>();
  if (typeof title !== "string")
    throw new HttpError(422, "a todo needs a title");
  const todo = { id: ++lastId, title };
  todos.set(todo.id, todo);
  return json(todo, {
    status: 201,
    headers: { location: `/todos/${todo.id}` },
  });
}

function find({ params }: GatewayRequest): Todo {
  const todo = todos.get(Number(params.id));
  if (!todo) throw new HttpError(404, `there is no todo ${params.id}`);
  return todo;
}

async function remove(request: GatewayRequest) {
  todos.delete(find(request).id);
  return null; // 204 No Content
}

await new Loop({ accessLog: true })
  .get("/todos", async () => json([...todos.values()]))
  .post("/todos", create)
  .get("/todos/:id", async (request) => json(find(request)))
  .delete("/todos/:id", remove)
  .serve(Number(process.env.PORT ?? 8000));
