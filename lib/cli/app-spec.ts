/** What `--app` and `--mount` say: `./app.ts`, `./app.js:service`, `/old=wsgi:./legacy.js:app`. */
import { CommandFailure, EXIT } from "./failure.ts";
import type { Settings } from "./schema.ts";

export interface AppSpec {
  /** Where it is mounted. */
  readonly prefix: string;
  /** As the user wrote it. */
  readonly written: string;
  readonly file: string;
  /** The export to take; undefined: `default`, then `app`. */
  readonly name: string | undefined;
  readonly wsgi: boolean;
}

/** Every application that the settings name. @throws {CommandFailure} when there is none, or one makes no sense. */
export function appSpecs({ app, mount }: Settings): AppSpec[] {
  const specs = mount.map((entry) => {
    const [, prefix, written] = /^(\/[^=]*)=(.+)$/.exec(entry) ?? [];
    if (prefix === undefined || written === undefined)
      throw new CommandFailure(
        EXIT.usage,
        `mount takes a prefix and an application, such as /old=./old.js, not "${entry}"`,
      );
    return appSpec(prefix, written);
  });
  if (app !== "") specs.unshift(appSpec("/", app));
  if (specs.length === 0)
    throw new CommandFailure(
      EXIT.usage,
      "there is no application to run; name one: eddy app.ts",
    );
  return specs;
}

function appSpec(prefix: string, written: string): AppSpec {
  const [, wsgi, file, name] = /^(wsgi:)?(.+?)(?::([\w$]+))?$/.exec(written)!;
  return { prefix, written, file: file!, name, wsgi: wsgi !== undefined };
}
