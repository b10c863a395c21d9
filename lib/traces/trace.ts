/** What goes along with requests from process to process: traces. Loads no package for them; opentelemetry.ts does. */
import type { Operation } from "effection";
import type { Head } from "../engine/engine.ts";

/** By which other systems know a span (W3C Trace Context): 32 and 16 hexadecimal digits. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

export type Attributes = Record<string, string | number | boolean>;

/** What makes the traces of a loop's requests: the option `traces`. */
export interface Traces {
  /**
   * A request has come: its trace, or undefined where it is to have none. It never throws.
   *
   * @param pattern - of its route or mount, if there is one.
   */
  begin(
    head: Head,
    scheme: string,
    pattern: string | undefined,
  ): Trace | undefined;
  /** Sends what is not sent yet; done when that is, or has failed. */
  flush(): Promise<void>;
}

/** For lines of the log; none where nothing has registered that would know them. */
export const idsOf = (trace: TraceIds | undefined): Partial<TraceIds> =>
  trace === undefined || trace.traceId === NO_TRACE
    ? {}
    : { traceId: trace.traceId, spanId: trace.spanId };

const NO_TRACE = "0".repeat(32);

/** Where a request has its trace. */
export const TRACE = Symbol.for("eddy:trace"); // for adapters of another copy of eddy, too

/** The trace of a request, for whoever asks somebody else for a part of it; undefined where there is none. */
export const traceOf = (request: {
  readonly [TRACE]: Trace | undefined;
}): Trace | undefined => request[TRACE];

/** How an exchange ended. */
export interface TraceEnd {
  readonly outcome: string;
  /** Undefined where none was sent. */
  readonly status: number | undefined;
  /** Its address; empty where it is not known. */
  readonly client: string;
  readonly requestId: string;
}

/** Of one exchange. */
export interface Trace extends TraceIds {
  /** Somebody will see it. */
  readonly isRecorded: boolean;
  /** Calls it so that what is traced within, and in all that it starts, is below this one. */
  within<T>(call: () => T): T;
  /** Somebody else is asked for a part of it. */
  call(name: string, kind: "client" | "internal", its: Attributes): Call;
  end(its: TraceEnd): void;
}

/** A part of a trace, which ends once. */
export interface Call {
  /** By which whoever is asked goes on with the trace: name, value, … of header fields, names in lower case. */
  readonly fields: readonly string[];
  note(its: Attributes): void;
  /** It ends, and did not go well. */
  fail(error: unknown): void;
  end(): void;
}

/** The operation, as long as which the call lasts. `noted`: what is told of its result. */
export function* seen<T>(
  call: Call,
  operation: Operation<T>,
  noted?: (result: T) => Attributes,
): Operation<T> {
  try {
    const result = yield* operation;
    if (noted !== undefined) call.note(noted(result));
    return result;
  } catch (error) {
    call.fail(error);
    throw error;
  } finally {
    call.end();
  }
}

/** The header fields (name, value, …) for whoever is asked by the call: its own in place of those of before. */
export function fieldsFor(
  call: Call | undefined,
  fields: readonly string[],
): readonly string[] {
  const own = call?.fields ?? [];
  if (own.length === 0) return fields;
  const others = fields.filter((_, i) => !OURS.has(fields[i - (i % 2)]!));
  return [...others, ...own];
}

/** W3C Trace Context. */
const OURS: ReadonlySet<string> = new Set(["traceparent", "tracestate"]);
