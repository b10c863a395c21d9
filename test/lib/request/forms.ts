/** The corpus of forms: bodies, and what three readers make of them. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A text, or what can be told of a file; bytes as characters. */
export type Entry = readonly [
  name: string,
  value: string | { name: string; type: string; text: string },
];

/** A line of forms.jsonl. */
export interface FormCase {
  readonly kind: "disposition" | "framing";
  readonly title: string;
  /** Without one: `TYPE`. */
  readonly type?: string;
  /** A character for each byte. */
  readonly body: string;
  /** Entries, or the status of the error. */
  readonly ours: readonly Entry[] | number;
  /** Of its `Response.formData()`. */
  readonly undici: readonly Entry[] | "error";
  readonly chrome: readonly Entry[] | "error";
  /** Where they differ: why ours is what it is. */
  readonly why?: string;
}

export const TYPE = "multipart/form-data; boundary=X";

const FILE = new URL(
  "../../../../test/lib/request/forms.jsonl",
  import.meta.url,
);

export const FORMS = readFileSync(fileURLToPath(FILE), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as FormCase);

/** The entries of a form, so that they can be compared. */
export async function entriesOf(form: FormData): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const [name, value] of form) {
    if (typeof value === "string") entries.push([name, value]);
    else {
      const text = Buffer.from(await value.arrayBuffer()).toString("latin1");
      entries.push([name, { name: value.name, type: value.type, text }]);
    }
  }
  return entries;
}
