/** The guard against a wrong key that nothing else shows: noise is not passed on as plaintext. */
import { SealdropError } from '../errors.ts';
import type { CipherName } from '../openssl/ciphers.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { canProbePadding } from '../openssl/probe-padding.ts';
import { describeRepetition, findRepetition, isDamage } from './ciphertext-repetition.ts';
import { EVIDENCE_SIZE, judgePlaintext } from './evidence.ts';

/** Whether plaintext that looks like noise, or whose ciphertext repeats itself, is `implausible-plaintext`. */
export type ImplausiblePlaintext = 'refuse' | 'allow';

/** The beginnings of a payload in both forms. */
export interface OpenedBeginning {
  readonly plaintext: Uint8Array;
  /** Behind the header, in the binary form; no shorter than the plaintext. */
  readonly ciphertext: Uint8Array;
  readonly cipher: CipherName;
}

function noise(name: string): SealdropError {
  return new SealdropError(
    'implausible-plaintext',
    `${name}: decrypts to noise, as a wrong key or wrong parameters make it, and no MAC vouches for it`,
    {
      hint: 'ask the sender for the parameters, or for a manifest; if compressed or encrypted data are expected, allow noise (--allow-noise; noise: allow in the landing)',
    },
  );
}

function repetition(name: string, repeatsAfter: number): SealdropError {
  return new SealdropError('implausible-plaintext', `${name}: ${describeRepetition(repeatsAfter)}`, {
    hint: 'ask the sender to send it again',
  });
}

/**
 * What repeats itself in the ciphertext is no evidence: it would be taken for structure. Where it cannot be the sender's, it is refused whatever
 * comes before: in modes without padding nothing else shows that the rest is garbage.
 * @throws SealdropError `implausible-plaintext` when the first `EVIDENCE_SIZE` bytes, or all, look like noise, or their ciphertext repeats itself
 */
export function checkPlausible({ plaintext, ciphertext, cipher }: OpenedBeginning, name: string): void {
  const repeatsAfter = findRepetition(ciphertext.subarray(0, EVIDENCE_SIZE));
  const { kind } = judgePlaintext(plaintext.subarray(0, repeatsAfter ?? plaintext.length)).appearance;
  if (kind === 'noise') throw noise(name);
  if (isDamage(repeatsAfter, cipher)) throw repetition(name, repeatsAfter);
}

/** Keeps the first `EVIDENCE_SIZE` bytes of what passes by. */
export class Beginning {
  readonly #room = Buffer.alloc(EVIDENCE_SIZE);
  #length = 0;

  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  add(piece: Uint8Array): void {
    const kept = piece.subarray(0, EVIDENCE_SIZE - this.#length);
    this.#room.set(kept, this.#length);
    this.#length += kept.length;
  }
}

export interface GuardOptions {
  /** What the plaintext comes from, for the message. */
  readonly name: string;
  readonly parameters: EncParameters;
  /** Holds no less of the ciphertext than has come out as plaintext. */
  readonly ciphertext: Beginning;
}

/**
 * Passes plaintext on once its beginning, of which it holds back `EVIDENCE_SIZE` bytes, does not look like noise. Of a padded payload the rest
 * is read before noise is refused: `bad-decrypt` or `truncated-payload` says more.
 * @throws SealdropError `implausible-plaintext`
 */
export async function* guardPlaintext(
  plaintext: AsyncGenerator<Buffer>,
  { name, parameters, ciphertext }: GuardOptions,
): AsyncGenerator<Buffer> {
  const { cipher } = parameters;
  try {
    const beginning = await takeBeginning(plaintext);
    try {
      checkPlausible({ plaintext: Buffer.concat(beginning), ciphertext: ciphertext.bytes, cipher }, name);
    } catch (error) {
      if (canProbePadding(parameters)) await readToEnd(plaintext);
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
