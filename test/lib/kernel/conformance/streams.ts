/** Signals, channels, queues, events, intervals, and loops over them. */
import type { Operation } from "effection";
import type { Topic } from "../../../support/stage.ts";

export const streams: Topic = {
  "each sees what a signal sends from the subscription on, until it closes": {
    async play({ scope, note, createSignal, each, settle }) {
      const signal = createSignal<number, void>();
      signal.send(0);
      const task = scope.run(function* () {
        for (const value of yield* each(signal)) {
          note(value);
          yield* each.next();
        }
        note("closed");
      });
      for (const value of [1, 2, 3]) signal.send(value);
      await settle();
      signal.send(4);
      signal.close();
      await task;
    },
    trace: ["1", "2", "3", "4", "closed"],
  },
  "each can be left, and its subscription ends": {
    play: ({ scope, note, resource, each, createQueue }) =>
      scope.run(function* () {
        const stream = resource<{
          next: () => Operation<IteratorResult<number>>;
        }>(function* (provide) {
          const queue = createQueue<number, never>();
          queue.add(1);
          queue.add(2);
          try {
            yield* provide(queue);
          } finally {
            note("unsubscribed");
          }
        });
        for (const value of yield* each(stream)) {
          note(value);
          break;
        }
        note("left");
      }),
    trace: ["1", "left", "unsubscribed"],
  },
  "Loops can be nested": {
    play: ({ scope, note, each, stream }) =>
      scope.run(function* () {
        async function* numbers() {
          yield 1;
          yield 2;
        }
        for (const left of yield* each(stream(numbers()))) {
          for (const right of yield* each(stream(numbers()))) {
            note(left, right);
            yield* each.next();
          }
          yield* each.next();
        }
      }),
    trace: ["1 1", "1 2", "2 1", "2 2"],
  },
  "each without each.next fails, and each.next without each": {
    play: ({ scope, note, each, interval }) =>
      scope.run(function* () {
        try {
          for (const _ of yield* each(interval(1))) note("once");
        } catch (error) {
          note(error);
        }
        try {
          yield* each.next();
        } catch (error) {
          note((error as Error).name);
        }
      }),
    trace: [
      "once",
      "IterationError(for each loop did not use each.next() operation before continuing)",
    ],
  },
  "A channel sends by an operation, to each subscriber": {
    play: ({ scope, note, createChannel, spawn, each, sleep }) =>
      scope.run(function* () {
        const channel = createChannel<string, string>();
        for (const name of ["a", "b"])
          yield* spawn(function* () {
            for (const value of yield* each(channel)) {
              note(name, value);
              yield* each.next();
            }
            note(name, "over");
          });
        yield* sleep(0);
        note(yield* channel.send("one"));
        yield* channel.send("two");
        yield* channel.close("end");
        yield* sleep(0);
      }),
    trace: [
      "undefined",
      "a one",
      "a two",
      "a over",
      "b one",
      "b two",
      "b over",
    ],
  },
  "A subscription keeps what was sent, and gives the value of the close": {
    play: ({ scope, note, createSignal }) =>
      scope.run(function* () {
        const signal = createSignal<number, string>();
        const subscription = yield* signal;
        signal.send(1);
        signal.close("end");
        note(yield* subscription.next());
        note(yield* subscription.next());
      }),
    trace: ["{done: false, value: 1}", "{done: true, value: end}"],
  },
  "A queue serves its consumers in turn, and forgets a halted one": {
    play: ({ scope, note, createQueue, spawn, sleep }) =>
      scope.run(function* () {
        const queue = createQueue<number, void>();
        const tasks = [];
        for (const name of ["a", "b", "c"])
          tasks.push(
            yield* spawn(function* () {
              note(name, (yield* queue.next()).value);
            }),
          );
        yield* sleep(0);
        yield* tasks[0]!.halt();
        queue.add(1);
        queue.add(2);
        queue.add(3);
        yield* sleep(0);
        note((yield* queue.next()).value);
      }),
    trace: ["b 1", "c 2", "3"],
  },
  "on and once listen to events, and stop listening": {
    play: ({ scope, note, target, on, once, spawn, scoped, sleep }) =>
      scope.run(function* () {
        const emit = (type: string): boolean =>
          target.dispatchEvent(new Event(type));
        yield* spawn(function* () {
          note(
            "once",
            ((yield* once(target as AbortSignal, "abort")) as Event).type,
          );
        });
        yield* scoped(function* () {
          const events = yield* on(target as AbortSignal, "abort");
          emit("abort");
          note("on", (yield* events.next()).value.type);
        });
        emit("abort");
        yield* sleep(1);
      }),
    trace: ["on abort", "once abort"],
  },
  "interval goes on until its task ends": {
    play: ({ scope, note, interval, each }) =>
      scope.run(function* () {
        let count = 0;
        for (const _ of yield* each(interval(3))) {
          note(++count);
          if (count === 3) return "done";
          yield* each.next();
        }
        return "never";
      }),
    trace: ["1", "2", "3"],
  },
  "subscribe reads an async iterator, and its error comes through": {
    play: ({ scope, note, subscribe, later }) =>
      scope.run(function* () {
        const subscription = subscribe(
          (async function* () {
            yield await later(1, "a");
            throw new Error("stream");
          })(),
        );
        note(yield* subscription.next());
        try {
          yield* subscription.next();
        } catch (error) {
          note(error);
        }
      }),
    trace: ["{value: a, done: false}", "Error(stream)"],
  },
  "A loop that is halted ends its subscription": {
    async play({ scope, note, ending, each, createSignal }) {
      const signal = createSignal<number, void>();
      const task = scope.run(function* () {
        try {
          for (const value of yield* each(signal)) {
            note(value);
            yield* each.next();
          }
        } finally {
          note("finally");
        }
      });
      signal.send(1);
      await ending("halt", task.halt());
      signal.send(2);
    },
    trace: ["1", "finally", "halt ends undefined"],
  },
};
