/** The bodies of the suite `bodies`: what each server of it is sent, and what it answers. */

/** 700 bytes of JSON, as a form or a client library sends them. */
export const ORDER = JSON.stringify({
  id: "0190b5c2-7b1e-7c3a-9d55-3f2a8b6c4d21",
  customer: { name: "Ada Lovelace", email: "ada@example.org", since: 1843 },
  items: Array.from({ length: 7 }, (_, i) => ({
    sku: `SKU-${1000 + i}`,
    title: `Item number ${i}`,
    price: 9.95 + i,
    count: i + 1,
  })),
  note: "x".repeat(93),
});

export const received = (bytes) => `received ${bytes}`;
export const ordered = (order) => `${order.id}: ${order.items.length} items`;

/** A streamed reply: 20 chunks of 1 KB. */
export const CHUNKS = 20;
export const CHUNK = "x".repeat(1023) + "\n";

/** A reply that is there as a whole. */
export const WHOLE = {
  "/64k": Buffer.alloc(64 * 1024, "x"),
  "/1m": Buffer.alloc(1024 * 1024, "x"),
};
