import { expect } from "chai";
import {
  attach,
  fork,
  type Fork,
  type Settled,
} from "../../../lib/kernel/fork.ts";
import {
  action,
  LoneWait,
  sleep,
  suspend,
  until,
  type Wait,
} from "../../../lib/operations/wait.ts";
import type { Operation } from "../../../lib/operations.ts";

type Trace = string[];
type Settle = (state: Settled, value: unknown) => void;

interface Case {
  /** What it is of. */
  make(trace: Trace): Operation<unknown>;
  /** What happens to it then. */
  after?(fork: Fork, trace: Trace): void;
}

let resolveLater: (value: unknown) => void;
let rejectLater: (error: Error) => void;

/** Says what is done with it, and leaves the rest to the case. */
function traced(
  trace: Trace,
  begin: (resolve: typeof resolveLater, reject: typeof rejectLater) => void,
  end: () => void = () => {},
): Operation<unknown> {
  return action((resolve, reject) => {
    trace.push("entered");
    [resolveLater, rejectLater] = [resolve, reject];
    begin(resolve, reject);
    return () => {
      trace.push("left");
      end();
    };
  });
}

const nothing = (): void => {};
const failing = (): never => {
  throw new Error("the cleanup failed");
};

const cases: Record<string, Case> = {
  "resolves later": {
    make: (trace) => traced(trace, nothing),
    after: () => resolveLater(5),
  },
  "rejects later": {
    make: (trace) => traced(trace, nothing),
    after: () => rejectLater(new Error("no")),
  },
  "resolves at once": {
    make: (trace) => traced(trace, (resolve) => resolve(5)),
  },
  "rejects at once": {
    make: (trace) => traced(trace, (_, reject) => reject(new Error("no"))),
  },
  "throws at once": {
    make: (trace) =>
      traced(trace, () => {
        throw new Error("no");
      }),
  },
  "resolves and throws at once": {
    make: (trace) =>
      traced(trace, (resolve) => {
        resolve(5);
        throw new Error("no");
      }),
  },
  "fails in its cleanup": {
    make: (trace) => traced(trace, nothing, failing),
    after: () => resolveLater(5),
  },
  "is halted": {
    make: (trace) => traced(trace, nothing),
    after: (it) => it.interrupt(),
  },
  "is halted, and fails in its cleanup": {
    make: (trace) => traced(trace, nothing, failing),
    after: (it) => it.interrupt(),
  },
  "is halted after its end": {
    make: (trace) => traced(trace, nothing),
    after: (it) => {
      resolveLater(5);
      it.interrupt();
    },
  },
  "is halted twice": {
    make: (trace) => traced(trace, nothing),
    after: (it) => {
      it.interrupt();
      it.interrupt();
    },
  },
  "is told of its end after its halt": {
    make: (trace) => traced(trace, nothing),
    after: (it) => {
      it.interrupt();
      resolveLater(5);
      rejectLater(new Error("no"));
    },
  },
  "is told twice": {
    make: (trace) => traced(trace, nothing),
    after: () => {
      resolveLater(5);
      rejectLater(new Error("no"));
    },
  },
  "sleeps, and is halted": {
    make: () => sleep(60_000),
    after: (it) => it.interrupt(),
  },
  "waits for ever, and is halted": {
    make: () => suspend(),
    after: (it) => it.interrupt(),
  },
};

function run(
  { make, after }: Case,
  start: (operation: Operation<unknown>, settled: Settle) => Fork,
): Trace {
  const trace: Trace = [];
  const started = start(make(trace), (state, value) =>
    trace.push(`${state}: ${value as string}`),
  );
  after?.(started, trace);
  return trace;
}

describe("A wait that is followed without a task", () => {
  for (const [name, it_] of Object.entries(cases))
    it(`ends as a task does when it ${name}`, () => {
      const { scope } = attach(undefined, { onError: nothing });
      const asTask = run(it_, (operation, settled) =>
        fork(scope, () => operation, settled),
      );
      const alone = run(it_, (operation, settled) =>
        new LoneWait(operation as Wait<unknown>, settled).enter(),
      );
      expect(alone).to.deep.equal(asTask);
      expect(alone.at(-1)).to.match(/^(value|error|halted): /);
    });

  it("follows a promise", async () => {
    const ended = await new Promise((resolve) =>
      new LoneWait(until(Promise.resolve(5)) as Wait<unknown>, (...end) =>
        resolve(end),
      ).enter(),
    );
    expect(ended).to.deep.equal(["value", 5]);
  });

  it("says what it waits for", () => {
    const wait = sleep(60_000) as Wait<unknown>;
    const alone = new LoneWait(wait, nothing).enter();
    expect(alone.waitsFor).to.equal("sleep(60000)");
    alone.interrupt();
  });
});
