/** What `next()` gives. */
import type { Operation } from "effection";
import type { Handler } from "../exchange/application.ts";
import { isOperation } from "../operations/is-operation.ts";
import { until } from "../operations/restated.ts";
import type { Reply } from "../reply/types.ts";
import type { GatewayRequest } from "../request/request.ts";
import { editable, type EditableReply } from "./editable-reply.ts";

type Result = ReturnType<Handler>;

/**
 * The reply of what is inside, now or later: a function, an async function and an operation look the same from here.
 * Return it as it is, `change()` it, `await` it or `yield*` it. What fails inside fails there, too.
 */
export class Answer
  implements PromiseLike<EditableReply>, Operation<EditableReply>
{
  readonly #result: Result;
  readonly #request: GatewayRequest;

  constructor(result: Result, request: GatewayRequest) {
    this.#result = result;
    this.#request = request;
  }

  /** What the handler has returned, to be followed by the exchange. For whoever composes. */
  static resultOf(answer: Answer): Result {
    return answer.#result;
  }

  /**
   * The reply as `edit` leaves it, or another one that it returns. Nothing waits for it that did not wait before: the
   * reply of a plain function is changed at once. Not called for what fails inside.
   */
  change(edit: (reply: EditableReply) => Reply | void): Answer {
    const result = this.#result;
    const request = this.#request;
    switch (kindOf(result)) {
      case "promise":
        return new Answer(
          (result as Promise<Reply>).then((reply) => edited(reply, edit)),
          request,
        );
      case "operation":
        return new Answer(
          editedLater(result as Operation<Reply>, edit),
          request,
        );
      case "reply":
        return new Answer(edited(result as Reply, edit), request);
    }
  }

  // oxlint-disable-next-line unicorn/no-thenable -- to be awaited is what it is for
  then<A = EditableReply, B = never>(
    onReply?: ((reply: EditableReply) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#promise().then(onReply, onError);
  }

  *[Symbol.iterator](): Generator<any, EditableReply, any> {
    const result = this.#result;
    const kind = kindOf(result);
    if (kind === "reply") return editable(result as Reply);
    const later =
      kind === "promise"
        ? until(result as Promise<Reply>)
        : (result as Operation<Reply>);
    return editable(yield* later);
  }

  /** An operation becomes a task of the request. */
  async #promise(): Promise<EditableReply> {
    const result = this.#result;
    if (kindOf(result) !== "operation")
      return editable(await (result as Reply | Promise<Reply>));
    const { scope } = this.#request;
    const end = await scope.run(() => endOf(result as Operation<Reply>));
    if ("error" in end) throw end.error;
    return editable(end.reply);
  }
}

function kindOf(result: Result): "reply" | "promise" | "operation" {
  if (typeof result !== "object" || result === null) return "reply";
  if ("then" in result) return "promise";
  return isOperation(result) ? "operation" : "reply";
}

function edited(
  reply: Reply,
  edit: (reply: EditableReply) => Reply | void,
): Reply {
  const its = editable(reply);
  const other = edit(its);
  return other === undefined ? its : other;
}

function* editedLater(
  operation: Operation<Reply>,
  edit: (reply: EditableReply) => Reply | void,
): Operation<Reply> {
  return edited(yield* operation, edit);
}

/** Not as a failure of its task, which the log would tell of: somebody waits for this one. */
function* endOf(
  operation: Operation<Reply>,
): Operation<{ reply: Reply } | { error: unknown }> {
  try {
    return { reply: yield* operation };
  } catch (error) {
    return { error };
  }
}
