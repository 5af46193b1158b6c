import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { parseManifest } from '@sealdrop/core';

/** More than core takes for a manifest. */
const LONGEST_MANIFEST = 64 * 1024;

/**
 * The payload's size as a manifest in a landing announces it; null while it cannot be read. The file is the sender's to change at any moment: nothing but
 * "is it all there" may follow from it.
 */
export async function announcedSize(path: string): Promise<bigint | null> {
  try {
    const bytes = await readSmall(path);
    return bytes === null ? null : BigInt(parseManifest(bytes).payload.size);
  } catch {
    return null;
  }
}

async function readSmall(path: string): Promise<Buffer | null> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = await handle.stat();
    if (!status.isFile() || status.size > LONGEST_MANIFEST) return null;
    const buffer = Buffer.alloc(status.size);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
