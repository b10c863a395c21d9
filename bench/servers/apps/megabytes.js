/** 200 MB down, as fast as the client takes it; and up, read with pauses. */
const CHUNK = Buffer.alloc(64 * 1024, "x");
const CHUNKS = (200 * 1024 * 1024) / CHUNK.length;
const asleep = new Int32Array(new SharedArrayBuffer(4));

function* chunks() {
  for (let i = 0; i < CHUNKS; i++) yield CHUNK;
}

function slowly(input) {
  let bytes = 0;
  for (let piece; (piece = input.read(256 * 1024)).length > 0;) {
    bytes += piece.length;
    Atomics.wait(asleep, 0, 0, 20);
  }
  return [`${bytes}`];
}

export default function app(environ, startResponse) {
  startResponse("200 OK", [["content-type", "text/plain"]]);
  return environ.REQUEST_METHOD === "POST"
    ? slowly(environ["wsgi.input"])
    : chunks();
}
