import { envelopeDirectory, envelopesIn, type Spool } from './layout.ts';
import { type ClaimRecord, readClaim } from './records.ts';
import { readRetry } from './small-records.ts';

/** Envelopes that an operator's command moved back to `claimed` and that are not `known` yet. A landing's fresh claims bear no retry order. */
export async function sentBack(spool: Spool, known: (id: string) => boolean): Promise<readonly ClaimRecord[]> {
  const unknown = (await envelopesIn(spool, 'claimed')).filter((id) => !known(id));
  const claims: ClaimRecord[] = [];
  for (const id of unknown) {
    const envelope = envelopeDirectory(spool, 'claimed', id);
    if ((await readRetry(envelope)) === null) continue;
    const claim = await readClaim(envelope).catch(() => null);
    if (claim !== null) claims.push(claim);
  }
  return claims;
}
