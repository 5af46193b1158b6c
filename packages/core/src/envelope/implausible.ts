/** The guard against a wrong key that nothing else shows: noise is not passed on as plaintext. */
import { SealdropError } from '../errors.ts';
import { EVIDENCE_SIZE, judgePlaintext } from './evidence.ts';

/** Whether plaintext that looks like noise is `implausible-plaintext`. */
export type ImplausiblePlaintext = 'refuse' | 'allow';

function implausible(name: string): SealdropError {
  return new SealdropError(
    'implausible-plaintext',
    `${name}: decrypts to noise, as a wrong key or wrong parameters make it, and no MAC vouches for it`,
    {
      hint: 'ask the sender for the parameters, or for a manifest; if compressed or encrypted data are expected, allow them',
    },
  );
}

/** @throws SealdropError `implausible-plaintext` when the first `EVIDENCE_SIZE` bytes, or all, look like noise */
export function checkPlausible(beginning: Uint8Array, name: string): void {
  if (judgePlaintext(beginning).appearance.kind === 'noise') throw implausible(name);
}

export interface GuardOptions {
  /** What the plaintext comes from, for the message. */
  readonly name: string;
  /** Whether the end of a payload says more than the beginning of its plaintext: a padding may be wrong there. */
  readonly end: 'padded' | 'unpadded';
}

/**
 * Passes plaintext on once its beginning, of which it holds back `EVIDENCE_SIZE` bytes, does not look like noise. Of a padded payload the rest
 * is read before noise is refused: `bad-decrypt` or `truncated-payload` says more.
 * @throws SealdropError `implausible-plaintext`
 */
export async function* guardPlaintext(
  plaintext: AsyncGenerator<Buffer>,
  { name, end }: GuardOptions,
): AsyncGenerator<Buffer> {
  try {
    const beginning = await takeBeginning(plaintext);
    try {
      checkPlausible(Buffer.concat(beginning), name);
    } catch (error) {
      if (end === 'padded') await readToEnd(plaintext);
      throw error;
    }
    yield* beginning;
    yield* plaintext;
  } finally {
    await plaintext.return(undefined);
  }
}

async function takeBeginning(plaintext: AsyncGenerator<Buffer>): Promise<readonly Buffer[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  while (size < EVIDENCE_SIZE) {
    const next = await plaintext.next();
    if (next.done === true) break;
    chunks.push(next.value);
    size += next.value.length;
  }
  return chunks;
}

async function readToEnd(plaintext: AsyncGenerator<Buffer>): Promise<void> {
  for (let next = await plaintext.next(); next.done !== true; next = await plaintext.next());
}
