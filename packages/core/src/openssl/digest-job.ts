/** What a thread does to digest a file that nothing decrypts. */
import { PIECE_SIZE, type Report } from './decrypt-jobs.ts';
import { type OpenFile, readExactlyAt } from './file-bytes.ts';
import { Digester, type DigestRequest, type PayloadDigests } from './payload-digests.ts';
import { checkStopped, type Control } from './control.ts';

export interface DigestJob {
  readonly kind: 'digest';
  readonly input: OpenFile;
  /** Bytes, from the file's beginning. */
  readonly size: number;
  readonly digests: DigestRequest;
  readonly control: Control;
}

export function digest({ input, size, digests, control }: DigestJob, report: Report): PayloadDigests {
  const digester = new Digester(digests);
  const buffer = Buffer.allocUnsafeSlow(PIECE_SIZE);
  for (let position = 0; position < size;) {
    checkStopped(control);
    const piece = buffer.subarray(0, Math.min(buffer.length, size - position));
    readExactlyAt(input, piece, position);
    digester.update(piece);
    position += piece.length;
    report(piece.length);
  }
  return digester.digests();
}
