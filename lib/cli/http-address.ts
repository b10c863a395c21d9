/** An entry of the setting `http`: where to listen, and what speaks there. */
import { ENGINE_CHOICES, type EngineChoice } from "../engine/listen-options.ts";
import { parseTarget, type Target } from "../engine/target.ts";

interface HttpAddress {
  readonly target: Target;
  /** Undefined: what the setting `engine` says. */
  readonly engine: EngineChoice | undefined;
}

/** `ADDRESS` or `ADDRESS=ENGINE`. What stands behind the last `=` is the engine. Undefined: it is none of them. */
export function parseHttpAddress(entry: string): HttpAddress | undefined {
  const [, where = entry, word] = /^(.*)=([^=]*)$/.exec(entry) ?? [];
  const target = parseTarget(where);
  const engine = ENGINE_CHOICES.find((choice) => choice === word);
  return target === undefined || engine !== word
    ? undefined
    : { target, engine };
}
