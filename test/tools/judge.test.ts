/** The fuzzer sees what is wrong: what came is made up here. */
import { expect } from "chai";
import type { Reply } from "../wire/replies.ts";
import { compare } from "../../tools/wire-fuzz/compare.ts";
import {
  bytesOf,
  createConversation,
  type Conversation,
} from "../../tools/wire-fuzz/conversation.ts";
import { FaultyRequest } from "../../tools/wire-fuzz/faults.ts";
import { judge } from "../../tools/wire-fuzz/judge.ts";
import { Mutant } from "../../tools/wire-fuzz/mutants.ts";
import type { Played } from "../../tools/wire-fuzz/play.ts";
import { ValidRequest } from "../../tools/wire-fuzz/request.ts";

const SEEN = "GET /sync/a\nhost: a";
const VALID = new ValidRequest({
  method: "GET",
  place: "/sync",
  path: "/a",
  query: undefined,
  fields: [{ name: "Host", value: "a", around: [" ", ""] }],
  body: undefined,
});
const FAULTY = new FaultyRequest("no host", "GET / HTTP/1.1\r\n\r\n");
const MUTANT = new Mutant("GET /sync HTTP/1.1\r\nHos: a\r\n\r\n", 1);

const talk = (...messages: Conversation["messages"]): Conversation => ({
  messages,
  joined: messages.map(() => false),
  cuts: [],
});

const reply = (
  status: number,
  body = "",
  more: Reply["fields"] = [],
): Reply => ({
  status,
  body,
  fields: [["date", "now"], ...more],
});

const GOOD: Played = {
  replies: [reply(200, SEEN)],
  rest: "",
  closed: false,
  stalled: false,
  calls: [SEEN],
  methods: ["GET"],
  trouble: [],
};
const REFUSED: Played = {
  ...GOOD,
  replies: [reply(400)],
  closed: true,
  calls: [],
};

describe("The judge of random conversations", () => {
  it("has nothing against what must come", () => {
    expect(judge(talk(VALID), GOOD)).to.equal(undefined);
    expect(judge(talk(FAULTY), REFUSED)).to.equal(undefined);
    expect(judge(talk(MUTANT), REFUSED)).to.equal(undefined);
  });

  const wrong: [title: string, Conversation, Played, RegExp][] = [
    [
      "a reply that is missing",
      talk(VALID),
      { ...GOOD, replies: [] },
      /^1 replies must/,
    ],
    [
      "a reply too many",
      talk(VALID),
      { ...GOOD, replies: [reply(200, SEEN), reply(200)] },
      /^reply 2, a 200, answers nothing/,
    ],
    [
      "another status",
      talk(VALID),
      { ...GOOD, replies: [reply(500)] },
      /^reply 1 must be 200, not 500/,
    ],
    [
      "another body",
      talk(VALID),
      { ...GOOD, replies: [reply(200, "x")] },
      /^reply 1 must say/,
    ],
    [
      "another call",
      talk(VALID),
      { ...GOOD, calls: ["x"] },
      /^an application must see/,
    ],
    [
      "two calls for one",
      talk(VALID),
      { ...GOOD, calls: [SEEN, SEEN] },
      /^an application must see/,
    ],
    [
      "a connection that is closed",
      talk(VALID),
      { ...GOOD, closed: true },
      /^the connection is closed/,
    ],
    [
      "a wait in vain",
      talk(VALID),
      { ...GOOD, replies: [], stalled: true },
      /\(waited for\)$/,
    ],
    [
      "a warning in the log",
      talk(VALID),
      { ...GOOD, trouble: ["x"] },
      /^the log complains/,
    ],
    [
      "a half of a reply",
      talk(VALID),
      { ...GOOD, rest: "HTTP/1.1" },
      /is no complete reply/,
    ],
    [
      "two lengths",
      talk(VALID),
      {
        ...GOOD,
        replies: [
          reply(200, SEEN, [
            ["content-length", "1"],
            ["transfer-encoding", "chunked"],
          ]),
        ],
      },
      /tells its length twice/,
    ],
    [
      "a call for a mistake",
      talk(FAULTY),
      { ...REFUSED, calls: ["x"] },
      /was called for an invalid/,
    ],
    [
      "a mistake that is answered",
      talk(FAULTY),
      { ...REFUSED, replies: [reply(200)] },
      /gets no error/,
    ],
    [
      "a connection that stays open",
      talk(FAULTY),
      { ...REFUSED, closed: false },
      /stays open/,
    ],
    [
      "what is lost before a mutant",
      talk(VALID, MUTANT),
      { ...GOOD, replies: [] },
      /^1 replies must come at least/,
    ],
  ];
  for (const [title, conversation, played, problem] of wrong)
    it(`finds ${title}`, () =>
      expect(judge(conversation, played)).to.match(problem));

  it("finds what node:http lets no application see", () => {
    const node = { ...REFUSED };
    expect(compare(MUTANT.bytes, GOOD, node)).to.match(/^node:http lets no/);
    expect(compare("é", GOOD, node)).to.equal(undefined); // by its exception
  });

  it("finds what node:http answers", () => {
    const silent = { ...GOOD, replies: [], calls: [] };
    expect(compare(MUTANT.bytes, silent, GOOD)).to.match(/^node:http gives 1/);
  });
});

describe("A random conversation", () => {
  it("is the same each time", () => {
    for (let seed = 0; seed < 50; seed++) {
      const [one, other] = [createConversation(seed), createConversation(seed)];
      expect(bytesOf(other.messages)).to.equal(bytesOf(one.messages));
      expect([other.joined, other.cuts]).to.deep.equal([one.joined, one.cuts]);
    }
  });
});
