import { parseManifest } from '@sealdrop/core';
import { callsAt } from '../spool/file-calls.ts';

/** More than core takes for a manifest. */
const LONGEST_MANIFEST = 64 * 1024;

/**
 * The payload's size as a manifest in a landing announces it; null while it cannot be read. The file is the sender's to change at any moment: nothing but
 * "is it all there" may follow from it.
 */
export async function announcedSize(path: string): Promise<bigint | null> {
  try {
    const bytes = await callsAt(path).readOrdinary(path, LONGEST_MANIFEST + 1);
    return bytes === null || bytes.length > LONGEST_MANIFEST ? null : BigInt(parseManifest(bytes).payload.size);
  } catch {
    return null;
  }
}
