/** What ends the command with a message for the operator, and no stack. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/**
 * What `action` returns. @throws {CommandFailure} that says what went wrong, when it throws; its own stays as it is.
 */
export function attempt<T>(exitCode: number, what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof CommandFailure) throw cause;
    throw new CommandFailure(exitCode, `${what}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** What the command ends with. */
export const EXIT = {
  /** A worker could not be kept running, or the address is taken. */
  failed: 1,
  /** The command line, a variable or a config file is wrong. */
  usage: 2,
  /** The application does not load. uWSGI and Gunicorn have 22 and 3 for it. */
  noApp: 3,
} as const;
