/** Why something ends before its time. */
import {
  errorTable,
  type Entry,
  type ErrorCode,
  type Failure,
  type GatewayError,
  type Outcome,
} from "./errors.ts";

interface ErrorClass<Values extends unknown[]> {
  readonly code: ErrorCode;
  new (...values: Values): GatewayError;
}

/**
 * Stands for an error that is made, once, when somebody asks for it. Most of what ends early has nobody who would: a
 * client leaves, and its handler reads no body and has no signal. The stack of an error costs more than all else then.
 */
export class Reason implements Failure {
  readonly clientMessage = undefined;
  readonly headers = {};
  readonly frameIsUnclear = false;
  readonly hasCause = false;
  readonly #entry: Entry;
  readonly #make: () => GatewayError;
  #error: GatewayError | undefined;

  private constructor(code: ErrorCode, make: () => GatewayError) {
    this.#entry = errorTable[code];
    this.#make = make;
  }

  /** Its error is of this class, made of these values. */
  static of<Values extends unknown[]>(
    Class: ErrorClass<Values>,
    ...values: Values
  ): Reason {
    return new Reason(Class.code, () => new Class(...values));
  }

  get error(): GatewayError {
    return (this.#error ??= this.#make());
  }

  /** Whether `error` was made of it. */
  made(error: unknown): boolean {
    return error !== undefined && error === this.#error;
  }

  get status(): number {
    return this.#entry.status;
  }

  get outcome(): Outcome {
    return this.#entry.outcome ?? "error";
  }

  get closesConnection(): boolean {
    return this.#entry.closesConnection ?? false;
  }
}
