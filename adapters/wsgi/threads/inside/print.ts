/**
 * What the application prints. Node would write it in turns of the thread's event loop, which a thread that sleeps does
 * not have: so the loop prints it.
 */
import { Console } from "node:console";
import { Writable } from "node:stream";
import type { Channel } from "./channel.ts";

export function printTo(channel: Channel): void {
  globalThis.console = new Console({
    stdout: printer(channel, "stdout"),
    stderr: printer(channel, "stderr"),
  });
}

function printer(channel: Channel, stream: "stdout" | "stderr"): Writable {
  return new Writable({
    decodeStrings: false,
    write(text: string | Buffer, _, done) {
      channel.post(["print", 0, stream, String(text)]);
      done();
    },
  });
}
