/** Errors as data: structured clone loses the name of an error, its class and most of its fields. */
import { GatewayError, HttpError, WsgiError } from "../../../lib/adapter.ts";
import { isA, shown, valueOf } from "../../common/shown.ts";

export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code?: string | number;
  readonly cause?: ErrorData;
  /** Of an error that says itself how it is answered. */
  readonly answer?: Answer | undefined;
  /** It came from the other side, where it can be found under this number. */
  readonly origin?: number;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
}

/** Causes of causes; a chain may be a ring. */
const MAX_DEPTH = 5;

/** Whatever was thrown, as what can be posted. */
export function toData(error: unknown, depth = 0): ErrorData {
  if (!isA(error, Error))
    return { name: "Error", message: `thrown: ${shown(error)}`, stack: "" };
  const [name, message, stack, code, cause] = FIELDS.map((field) =>
    valueOf(error, field),
  );
  return {
    name: typeof name === "string" ? name : "Error",
    message: typeof message === "string" ? message : UNREADABLE,
    stack: typeof stack === "string" ? stack : undefined,
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(cause !== undefined && depth < MAX_DEPTH
      ? { cause: toData(cause, depth + 1) }
      : {}),
    ...(isA(error, GatewayError) ? { answer: answerOf(error) } : {}),
  };
}

const FIELDS = ["name", "message", "stack", "code", "cause"];

const UNREADABLE = "(its message is no text, or throws when it is read)";

/** The error again: of its class where the class means something here, with its own name in any case. */
export function fromData(data: ErrorData): Error {
  const { name, message, stack, code, cause } = data;
  const options = cause === undefined ? {} : { cause: fromData(cause) };
  const error = create(data, options);
  if (error.name !== name)
    Object.defineProperty(error, "name", { value: name, configurable: true });
  Object.defineProperty(error, "stack", { value: stack, configurable: true });
  if (code !== undefined && !("code" in error)) Object.assign(error, { code });
  error.message = message;
  return error;
}

function create({ name, message, code, answer }: ErrorData, options: object) {
  if (code === "EDDY_WSGI") return new WsgiError(message, options);
  if (answer !== undefined && (code === "EDDY_HTTP" || answer.status < 500)) {
    const { status, headers } = answer;
    return new HttpError(status, message, { ...options, headers });
  }
  const Class = STANDARD.get(name) ?? Error;
  return new Class(message, options);
}

/** Undefined for what makes no answer. */
function answerOf({ status, headers }: GatewayError): Answer | undefined {
  try {
    return structuredClone({ status, headers });
  } catch {
    return undefined;
  }
}

const STANDARD = new Map<string, ErrorConstructor>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(
    (Class) => [Class.name, Class as ErrorConstructor],
  ),
);
