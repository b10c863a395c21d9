import { expect } from "chai";
import { encodePacket, MAX_BLOCK } from "../../../adapters/uwsgi/packet.ts";
import { HttpError } from "../../../lib/adapter.ts";
import { PacketError, PacketReader } from "../../../lib/uwsgi/packet.ts";

const VARIABLES = {
  REQUEST_METHOD: "GET",
  PATH_INFO: "/caf\xc3\xa9",
  EMPTY: "",
};

/** A packet whose block is these bytes. */
function packet(block: number[], size = block.length): Buffer {
  return Buffer.from([0, size & 255, size >> 8, 0, ...block]);
}

describe("A uwsgi packet", () => {
  it("is laid out as the protocol says", () => {
    const bytes = "\0\x09\0\0" + "\x02\0ab" + "\x03\0cde";
    expect(encodePacket({ ab: "cde" }).toString("latin1")).to.equal(bytes);
  });

  it("is read whole, with what comes behind it", () => {
    const bytes = Buffer.concat([encodePacket(VARIABLES), Buffer.from("body")]);
    const { variables, rest } = new PacketReader().push(bytes)!;
    expect(variables).to.deep.equal(Object.entries(VARIABLES).flat());
    expect(Buffer.from(rest).toString()).to.equal("body");
  });

  it("is read in two pieces, wherever it is split", () => {
    const bytes = Buffer.concat([encodePacket(VARIABLES), Buffer.from("body")]);
    for (let at = 0; at <= bytes.length - 4; at++) {
      const reader = new PacketReader();
      const first = reader.push(bytes.subarray(0, at));
      const { variables, rest } = first ?? reader.push(bytes.subarray(at))!;
      expect(variables).to.deep.equal(Object.entries(VARIABLES).flat());
      expect(rest.length).to.equal(first ? 0 : 4);
    }
  });

  it("is read byte by byte", () => {
    const reader = new PacketReader();
    const bytes = [...encodePacket(VARIABLES)];
    const results = bytes.map((byte) => reader.push(Buffer.of(byte)));
    expect(results.slice(0, -1).every((one) => one === undefined)).to.equal(
      true,
    );
    expect(results.at(-1)!.variables).to.have.length(6);
  });

  it("may have no variables", () => {
    expect(new PacketReader().push(packet([]))!.variables.length).to.equal(0);
  });

  it("holds 65,535 bytes, and no more", () => {
    const value = "x".repeat(MAX_BLOCK - 5);
    const { variables } = new PacketReader().push(encodePacket({ a: value }))!;
    expect(variables).to.deep.equal(["a", value]);
    expect(() => encodePacket({ a: `${value}x` })).to.throw(
      HttpError,
      "65536 bytes",
    );
  });

  for (const [what, bytes] of Object.entries({
    "for something else than WSGI": Buffer.from([5]),
    "whose block ends in a size": packet([1]),
    "whose name is longer than the block": packet([5, 0, 97]),
    "whose block ends behind a name": packet([1, 0, 97]),
    "whose value is longer than the block": packet([1, 0, 97, 2, 0, 98]),
  }))
    it(`is refused ${what}`, () => {
      expect(() => new PacketReader().push(bytes)).to.throw(PacketError);
    });

  it("is not what a client of HTTP sends, which is told where that is spoken", () => {
    const bytes = Buffer.from("GET / HTTP/1.1\r\n\r\n");
    expect(() => new PacketReader().push(bytes)).to.throw(
      PacketError,
      /HTTP is spoken at other addresses/,
    );
  });
});
