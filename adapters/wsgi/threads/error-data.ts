/** Errors as data: structured clone loses the name of an error, its class and most of its fields. */
import { inspect } from "node:util";
import {
  describe,
  GatewayError,
  HttpError,
  stackOf,
  WsgiError,
} from "../../../lib/adapter.ts";

export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code?: string | number;
  readonly cause?: ErrorData;
  /** Of an error that says itself how it is answered. */
  readonly answer?: Answer;
  /** It came from the other side, where it can be found under this number. */
  readonly origin?: number;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
}

/** Causes of causes; a chain may be a ring. */
const MAX_DEPTH = 5;

/** Anything that was thrown; what cannot be read, or cannot cross, as text. */
export function toData(error: unknown): ErrorData {
  try {
    return structuredClone(dataOf(error, 0));
  } catch {
    return {
      name: "Error",
      message: `thrown: ${describe(error)}`,
      stack: stackOf(error),
    };
  }
}

function dataOf(error: unknown, depth: number): ErrorData {
  if (!(error instanceof Error))
    return { name: "Error", message: `thrown: ${inspect(error)}`, stack: "" };
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    name: String(name),
    message: String(message),
    stack,
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(cause !== undefined && depth < MAX_DEPTH
      ? { cause: dataOf(cause, depth + 1) }
      : {}),
    ...(error instanceof GatewayError ? { answer: answerOf(error) } : {}),
  };
}

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

function answerOf({ status, headers }: GatewayError): Answer {
  return { status, headers };
}

const STANDARD = new Map<string, ErrorConstructor>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(
    (Class) => [Class.name, Class as ErrorConstructor],
  ),
);
