/** How what a process of Python prints is logged. */

type PrintLevel = "info" | "warn" | "error";

/** A line that it has printed. */
export interface PrintedLine {
  readonly level: PrintLevel;
  readonly text: string;
}

/** As Python and its faulthandler begin a traceback. */
const TRACEBACK =
  /^\s*(Traceback \(most recent call last\):|Exception in thread |Fatal Python error: |(Current t|T)hread 0x.*\(most recent call first\):)/;

/**
 * Levels of the lines on standard error, one after the other: somebody should look at them, and soon at a traceback.
 */
export class ErrorLevels {
  /** A traceback goes on as long as its lines are indented, and ends with the error. */
  #within = false;

  next(line: string): PrintLevel {
    const begins = TRACEBACK.test(line);
    const level = begins || this.#within ? "error" : "warn";
    this.#within = begins || (this.#within && /^\s/.test(line));
    return level;
  }
}
