/** Bodies, queries and parameters that are what they have to be. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Operation } from "effection";
import { UnsupportedMediaTypeError, UsageError } from "../common/errors.ts";
import type { Handler } from "../exchange/application.ts";
import { isOperation } from "../operations/is-operation.ts";
import { until } from "../operations/restated.ts";
import { json } from "../reply/reply.ts";
import type { Reply } from "../reply/types.ts";
import type { GatewayRequest } from "../request/request.ts";

/** Schemas of any library that follows Standard Schema: zod, valibot, arktype, … */
export interface Schemas {
  /** Of JSON, or of a form, whose fields are texts and files; those that stand several times are arrays. */
  readonly body?: StandardSchemaV1;
  /** Of the query, whose fields are texts; those that stand several times are arrays. */
  readonly query?: StandardSchemaV1;
  /** Of the route's `:parameters`, which are texts. */
  readonly params?: StandardSchemaV1;
}

/** What the schemas have made of a request, by their types. */
export type Validated<Parts extends Schemas> = {
  readonly [Part in keyof Parts]: Parts[Part] extends StandardSchemaV1
    ? StandardSchemaV1.InferOutput<Parts[Part]>
    : undefined;
};

/** What is wrong, as the client reads it. */
export interface Fault {
  readonly in: keyof Schemas;
  /** Where in it: `items.0.price`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/**
 * A handler that is called with what the schemas make of a request, and only if all of them are content. Otherwise the
 * client gets 422 with each fault: `{ error, faults: [{ in, path, message }] }`. A body that is no JSON is 400, one
 * that is neither JSON nor a form 415, one that is too long 413, as ever.
 *
 * @throws {UsageError} for a schema that is none, or no handler.
 *
 * @example
 * ```ts
 * import { json, Loop } from "eddy";
 * import { validate } from "eddy/middleware";
 * import { z } from "zod";
 *
 * const Order = z.object({ item: z.string(), count: z.int().positive() });
 * const Place = z.object({ shop: z.coerce.number() });
 *
 * await new Loop()
 *   .post(
 *     "/shops/:shop/orders",
 *     validate({ params: Place, body: Order }, ({ params, body }) => json({ shop: params.shop, count: body.count })),
 *   )
 *   .listen(8000);
 * ```
 */
export function validate<const Parts extends Schemas>(
  schemas: Parts,
  handler: (
    valid: Validated<Parts>,
    request: GatewayRequest,
  ) => ReturnType<Handler>,
): (request: GatewayRequest<any>) => Operation<Reply> {
  const parts = Object.entries(schemas) as [keyof Schemas, StandardSchemaV1][];
  for (const [part, schema] of parts)
    if (
      !(part in READ) ||
      typeof schema?.["~standard"]?.validate !== "function"
    )
      throw new UsageError(
        `validate() takes schemas (Standard Schema) for body, query and params; "${part}" has none`,
      );
  if (typeof handler !== "function")
    throw new UsageError("validate() takes a handler behind the schemas");
  return function* (request) {
    const { valid, faults } = yield* until(check(parts, request));
    if (faults.length > 0)
      return json(
        { error: "the request is not valid", faults },
        { status: 422 },
      );
    const result = handler(valid as Validated<Parts>, request);
    if (typeof result !== "object" || result === null) return result;
    if ("then" in result) return yield* until(result);
    return isOperation(result)
      ? yield* result as Operation<Reply>
      : (result as Reply);
  };
}

async function check(
  parts: readonly [keyof Schemas, StandardSchemaV1][],
  request: GatewayRequest,
): Promise<{ valid: Record<string, unknown>; faults: Fault[] }> {
  const valid: Record<string, unknown> = {};
  const faults: Fault[] = [];
  for (const [part, schema] of parts) {
    const result = await schema["~standard"].validate(
      await READ[part](request),
    );
    if (result.issues)
      faults.push(...result.issues.map((it) => faultOf(part, it)));
    else valid[part] = result.value;
  }
  return { valid, faults };
}

const READ: Record<keyof Schemas, (request: GatewayRequest) => unknown> = {
  params: (request) => request.params,
  query: (request) => gathered(request.query),
  body: bodyOf,
};

async function bodyOf(request: GatewayRequest): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (/^application\/([^;]+\+)?json\s*(;|$)/i.test(type))
    return await request.json();
  if (
    /^(application\/x-www-form-urlencoded|multipart\/form-data)\s*(;|$)/i.test(
      type,
    )
  )
    return gathered(await request.form());
  throw new UnsupportedMediaTypeError(type, "JSON or a form");
}

function gathered(
  fields: Iterable<[name: string, value: unknown]>,
): Record<string, unknown> {
  const all = new Map<string, unknown[]>();
  for (const [name, value] of fields)
    all.set(name, [...(all.get(name) ?? []), value]);
  return Object.fromEntries(
    [...all].map(([name, values]) => [
      name,
      values.length === 1 ? values[0] : values,
    ]),
  );
}

function faultOf(part: keyof Schemas, issue: StandardSchemaV1.Issue): Fault {
  const path = (issue.path ?? []).map((it) =>
    String(typeof it === "object" ? it.key : it),
  );
  return { in: part, path: path.join("."), message: issue.message };
}
