/** What every broker takes, and how its client is found. */
import { AMOUNT, checkOptions, type Rule } from "../common/checked-options.ts";
import { UsageError } from "../common/errors.ts";
import { MAX_OUTBOX_BYTES } from "./outbox.ts";

export interface BrokerOptions {
  /**
   * What stands in front of a topic at the broker. Applications that share one each need their own.
   *
   * @default "eddy." at NATS, "eddy:" at Redis, as is usual there.
   */
  prefix?: string;
  /**
   * Bytes that may be on their way to the broker. What is published beyond them is refused.
   *
   * @default 8 MiB: a second of what a client can publish.
   */
  maxOutboxBytes?: number;
  /**
   * Further options of the client, as it has them: certificates, credentials.
   *
   * @default none.
   */
  client?: object;
}

const RULES: Record<keyof BrokerOptions, Rule> = {
  prefix: [
    (value) => typeof value === "string" && /^[\w:.-]*$/.test(value),
    "letters, digits and any of . : - _",
  ],
  maxOutboxBytes: AMOUNT,
  client: [
    (value) => typeof value === "object" && value !== null,
    "an object of the client's options",
  ],
};

/** @throws {UsageError} */
export const brokerOptions = (
  options: BrokerOptions,
  whose: string,
  prefix: string,
): Required<BrokerOptions> => ({
  prefix,
  maxOutboxBytes: MAX_OUTBOX_BYTES,
  client: {},
  ...checkOptions(options, RULES, whose),
});

/** Clients are not dependencies of ours: most applications need none. @throws {UsageError} when it is not installed. */
export async function loadClient<T>(
  name: string,
  load: () => Promise<T>,
  whose: string,
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const isMissing =
      (cause as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND";
    throw new UsageError(
      isMissing
        ? `${whose} needs the package ${name}: npm install ${name}`
        : `${whose}: the package ${name} does not load: ${(cause as Error).message}`,
      { cause },
    );
  }
}
