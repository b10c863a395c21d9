/** What a client sends, and what must come of it. Bytes are strings with one character a byte. */

export interface Message {
  readonly bytes: string;
  readonly outcome: Outcome;
  /** How many requests it stands for in the count. */
  readonly requests: number;
  /** The same with less in it. */
  simpler(): Iterable<Message>;
}

export type Outcome = Answer | Refusal | Unknown;

/** A valid request: exactly these replies come, and applications saw exactly this. */
export interface Answer {
  readonly kind: "answer";
  /** As the access log has it. */
  readonly method: string;
  readonly replies: readonly ExpectedReply[];
  readonly calls: readonly string[];
  /** The connection is closed behind the last of them. */
  readonly closes: boolean;
  /** The reply takes a turn: the engine closes the connection when a request comes before it. */
  readonly waits: boolean;
  /** node:http answers it, too, in the same way. */
  readonly comparable: boolean;
}

export interface ExpectedReply {
  readonly status: number;
  /** It answers HEAD: there is no body. */
  readonly head: boolean;
  /** Undefined: any. */
  readonly body: string | undefined;
}

/** An invalid request: no application sees it, the client gets an error, and nothing behind it is looked at. */
export interface Refusal {
  readonly kind: "refusal";
}

/** Who knows: well-formed replies, and what node:http makes of it. */
export interface Unknown {
  readonly kind: "unknown";
}
