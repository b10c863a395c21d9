/** Traces by OpenTelemetry, through its API package: whichever SDK the program has registered gets them. */
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type TextMapGetter,
  type TextMapSetter,
  type Tracer,
} from "@opentelemetry/api";
import {
  Err,
  Ok,
  unbox,
  useScope,
  type Operation,
  type Result,
} from "effection";
import { checkOptions, type Rule } from "../common/checked-options.ts";
import type { Head } from "../engine/engine.ts";
import {
  seen,
  type Attributes,
  type Call,
  type Trace,
  type TraceEnd,
  type Traces,
} from "./trace.ts";

export type { Traces };

export interface OpenTelemetryOptions {
  /**
   * The share of requests that begin a trace, from 0 to 1, where whoever asks has none. One that comes with
   * `traceparent` has what that says. The others cost next to nothing: no span, no ids in their lines, and nothing is
   * said of a trace to whom they ask in turn.
   *
   * @default 1: the sampler of the SDK says which are recorded, and is asked for each.
   */
  ratio?: number;
}

const RULES: Record<keyof OpenTelemetryOptions, Rule> = {
  ratio: [
    (value) => typeof value === "number" && value >= 0 && value <= 1,
    "a number from 0 to 1",
  ],
};

/** By what whoever asks says of its trace, or else by chance. */
function isChosen(fields: readonly string[], ratio: number): boolean {
  const parent = valueOf(fields, "traceparent");
  return parent === undefined
    ? Math.random() < ratio
    : (parseInt(parent.slice(-2), 16) & SAMPLED) !== 0;
}

/** A flag of `traceparent` (W3C Trace Context, section 3.2.2.5). */
const SAMPLED = 1;

/**
 * For the option `traces` of a loop: a span for each exchange, by OpenTelemetry's semantic conventions for HTTP
 * servers, below that of whoever asked (`traceparent`); and below it spans for what threads, Python and servers behind
 * the loop are asked, which go on with it. Within a handler, and in all that it starts, it is the active span, so that
 * what instruments databases and clients finds it. Access lines and `request.log` have `traceId` and `spanId`.
 *
 * Needs the package `@opentelemetry/api`, and an SDK that the program registers; without one, nothing is recorded.
 *
 * @example
 * ```ts
 * import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
 * import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
 * import { Loop } from "eddy";
 * import { openTelemetry } from "eddy/opentelemetry";
 *
 * new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] }).register();
 *
 * await new Loop({ traces: openTelemetry() })
 *   .get("/users/:id", ({ params }) => `user ${params.id}`)
 *   .listen(8000);
 * ```
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Traces {
  const { ratio = 1 } = checkOptions(options, RULES);
  const tracer = trace.getTracer("eddy");
  return {
    begin: (head, scheme, pattern) =>
      ratio === 1 || isChosen(head.fields, ratio)
        ? new ServerTrace(tracer, head, scheme, pattern)
        : undefined,
    async flush() {
      const provider = trace.getTracerProvider() as Partial<Flushing>;
      const registered = provider.getDelegate?.() ?? provider;
      await registered.forceFlush?.().catch(() => {}); // the SDK's own diagnostics tell of it
    },
  };
}

/** What an SDK has beyond the API. */
interface Flushing {
  getDelegate(): Partial<Flushing>;
  forceFlush(): Promise<void>;
}

/**
 * An operation with a span of its own, which is active within it: a named part of a request in its trace. Halted, the
 * span ends as it is. Outside of a trace it begins one.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { openTelemetry, span } from "eddy/opentelemetry";
 * import { sleep } from "eddy/operations";
 *
 * function* prices() {
 *   yield* sleep(100);
 *   return "12.50";
 * }
 *
 * await new Loop({ traces: openTelemetry() })
 *   .get("/prices", function* () {
 *     return yield* span("ask for prices", prices);
 *   })
 *   .listen(8000);
 * ```
 */
export function* span<T>(
  name: string,
  operation: () => Operation<T>,
): Operation<T> {
  const below = context.active();
  const its = trace.getTracer("eddy").startSpan(name, {}, below);
  const scope = yield* useScope();
  const call = new SpanCall(its, below);
  const task = context.with(trace.setSpan(below, its), () =>
    scope.run(() => outcomeOf(seen(call, operation()))),
  );
  return unbox(yield* task);
}

/** For whoever waits to throw: a task that fails takes its scope along, with those that would have caught it. */
function* outcomeOf<T>(operation: Operation<T>): Operation<Result<T>> {
  try {
    return Ok(yield* operation);
  } catch (error) {
    return Err(error as Error);
  }
}

class ServerTrace implements Trace {
  readonly traceId: string;
  readonly spanId: string;
  readonly isRecorded: boolean;
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;

  constructor(
    tracer: Tracer,
    head: Head,
    scheme: string,
    pattern: string | undefined,
  ) {
    const { fields } = head;
    const method = METHODS.has(head.method) ? head.method : "HTTP";
    const name = pattern === undefined ? method : `${method} ${pattern}`;
    const parent = fields.includes("traceparent")
      ? propagation.extract(ROOT_CONTEXT, fields, GETTER)
      : ROOT_CONTEXT;
    const attributes = attributesOf(head, scheme, pattern);
    const options = { kind: SpanKind.SERVER, attributes };
    this.#tracer = tracer;
    this.#span = tracer.startSpan(name, options, parent);
    this.#context = trace.setSpan(parent, this.#span);
    const { traceId, spanId } = this.#span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.isRecorded = this.#span.isRecording();
    if (this.isRecorded) this.#span.setAttributes(furtherOf(head));
  }

  within<T>(call: () => T): T {
    return context.with(this.#context, call);
  }

  call(
    name: string,
    kind: "client" | "internal",
    attributes: Attributes,
  ): Call {
    const options = { kind: KINDS[kind], attributes };
    const its = this.#tracer.startSpan(name, options, this.#context);
    return new SpanCall(its, this.#context);
  }

  /** A refusal is the client's fault, and no error of a server. */
  end({ outcome, status, client, requestId }: TraceEnd): void {
    this.#span.setAttributes({
      ...(client !== "" && { "client.address": client }),
      ...(status !== undefined && { "http.response.status_code": status }),
      "eddy.outcome": outcome,
      "eddy.request_id": requestId,
    });
    const failed = status !== undefined && status >= 500;
    if (failed || outcome !== "ok") {
      const error = failed ? String(status) : outcome;
      this.#span.setAttribute("error.type", error);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}

const KINDS = { client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

class SpanCall implements Call {
  readonly #span: Span;
  readonly #below: Context;
  #isOver = false;

  constructor(its: Span, below: Context) {
    this.#span = its;
    this.#below = below;
  }

  get fields(): readonly string[] {
    const fields: string[] = [];
    const its = trace.setSpan(this.#below, this.#span);
    propagation.inject(its, fields, SETTER);
    return fields;
  }

  note(its: Attributes): void {
    this.#span.setAttributes(its);
  }

  fail(error: unknown): void {
    const { name, message } =
      error instanceof Error ? error : new Error(String(error));
    this.#span.setAttribute("error.type", name);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#span.end();
  }
}

/** Header fields: name, value, … */
const GETTER: TextMapGetter<readonly string[]> = {
  keys: (fields) => fields.filter((_, i) => i % 2 === 0),
  get: valueOf,
};

/** `name`: in lower case, as those of a head are. */
function valueOf(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2)
    if (fields[i] === name) return fields[i + 1];
  return undefined;
}

const SETTER: TextMapSetter<string[]> = {
  set: (fields, key, value) => void fields.push(key.toLowerCase(), value),
};

// By https://opentelemetry.io/docs/specs/semconv/http/http-spans/, as far as a request says it.

/** Others are `HTTP` in names: a client can make up any number. */
const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
]);

/** Known before the span begins, so that a sampler may go by it. */
function attributesOf(
  { method, path, query, fields }: Head,
  scheme: string,
  pattern: string | undefined,
): Attributes {
  const its: Attributes = {
    "http.request.method": method,
    "url.path": path,
    "url.scheme": scheme,
  };
  if (!METHODS.has(method)) {
    its["http.request.method"] = "_OTHER";
    its["http.request.method_original"] = method;
  }
  if (pattern !== undefined) its["http.route"] = pattern;
  if (query !== "") its["url.query"] = withoutSignatures(query);
  const host = valueOf(fields, "host");
  const [, address, port] = AUTHORITY.exec(host ?? "") ?? [];
  if (address) its["server.address"] = address;
  if (port !== undefined) its["server.port"] = Number(port);
  return its;
}

/** For those that are recorded alone. */
function furtherOf({ fields, protocol }: Head): Attributes {
  const agent = valueOf(fields, "user-agent");
  return {
    "network.protocol.version": VERSIONS[protocol] ?? protocol,
    ...(agent !== undefined && { "user_agent.original": agent }),
  };
}

const AUTHORITY = /^(\[.*\]|[^:]*)(?::(\d+))?$/;

const VERSIONS: Readonly<Record<string, string>> = {
  "HTTP/1.0": "1.0",
  "HTTP/1.1": "1.1",
  "HTTP/2.0": "2",
};

/** The values of parameters that the conventions name: whoever has them may ask for what they sign. */
const withoutSignatures = (query: string): string =>
  query.replace(
    /(?<=(?:^|&)(?:AWSAccessKeyId|Signature|sig|X-Goog-Signature|X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token)=)[^&]*/g,
    "REDACTED",
  );
