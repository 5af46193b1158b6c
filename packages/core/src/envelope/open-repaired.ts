/** Opening an envelope as a diagnosis says. */
import { createReadStream } from 'node:fs';
import { MAXIMUM_WRAPPED_KEY_SIZE } from '../keys/read-wrapped-key.ts';
import type { Repair } from './diagnosis.ts';
import { rereadKeyFile } from './key-file-readings.ts';
import type { EnvelopeMembers } from './naming.ts';
import { openEnvelope } from './open.ts';
import type { Amendments, OpenedEnvelope, OpenOptions } from './open.ts';
import { readMember } from './read-member.ts';
import { rereadWrappedKey } from './wrapped-key-readings.ts';

/**
 * Opens an envelope with a repair. Whatever else the options ask for stays in force: a MAC and a signature are verified, a weak key and noise
 * are refused. Unattended, apply only a repair whose diagnosis is `certain`.
 * @throws SealdropError as `openEnvelope` does
 */
export async function openRepaired(
  members: EnvelopeMembers,
  repair: Repair,
  options: OpenOptions,
): Promise<OpenedEnvelope> {
  const isSwapped = repair.members === 'swapped';
  const payload = isSwapped ? members.wrappedKey : members.payload;
  const wrappedKey = isSwapped ? members.payload : members.wrappedKey;
  const contents = await readMember(wrappedKey, MAXIMUM_WRAPPED_KEY_SIZE);
  const amendments: Amendments = {
    wrappedKey: rereadWrappedKey(contents, repair.wrappedKey, wrappedKey),
    // A reading that no longer applies leaves the key file as it is, and opening it fails.
    rereadKeyFile: (keyFile) => rereadKeyFile(keyFile, repair.keyFile) ?? Buffer.from(keyFile),
    plaintextName: repair.plaintextName,
    repairs: repair.changes,
  };
  const source = {
    ...members,
    payload: repair.payload === 'as-sent' ? payload : createReadStream(payload, { end: repair.payloadSize - 1 }),
    wrappedKey,
  };
  return openEnvelope(source, { ...options, parameters: repair.parameters, oaep: repair.oaep, amendments });
}
