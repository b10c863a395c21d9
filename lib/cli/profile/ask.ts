/** `eddy profile PID 10s`: asks for a profile where the status is told. */
import { askStatus, type StatusAddress } from "../ask-status.ts";
import { CommandFailure, EXIT } from "../failure.ts";

/** Says where the profile is. @throws {CommandFailure} saying why there is none. */
export async function askForProfile(
  where: StatusAddress,
  pid: string,
  what: string,
): Promise<string> {
  if (where.stats === "")
    throw new CommandFailure(
      EXIT.usage,
      `which eddy? name the address that it was given: eddy profile ${pid} --stats 127.0.0.1:1717`,
    );
  const order = `/workers/${encodeURIComponent(pid)}/profile/${encodeURIComponent(what)}`;
  // However long it takes: the other side knows when there will be nothing.
  const { statusCode, body } = await askStatus(where, order, "POST");
  if (statusCode !== 200)
    throw new CommandFailure(
      statusCode === 400 ? EXIT.usage : EXIT.failed,
      body.trim(),
    );
  return (JSON.parse(body) as { file: string }).file;
}
