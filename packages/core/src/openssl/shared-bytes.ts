/** In memory that the threads see too. */
export function shareBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** So there is one copy, which can be zeroed. */
export function shareSecret(bytes: Uint8Array): Uint8Array {
  const shared = shareBytes(bytes.length);
  shared.set(bytes);
  return shared;
}
