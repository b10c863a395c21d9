/** The same memory as a Buffer, whatever looks at it. */
export const bufferOf = (view: ArrayBufferView): Buffer =>
  Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
