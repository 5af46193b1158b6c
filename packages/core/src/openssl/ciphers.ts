import { SealdropError } from '../errors.ts';
import { suggestNames } from './nearest-names.ts';
import { quoteWord } from './quoted-word.ts';

/** A cipher's canonical name, as `openssl enc` of every version that has the cipher takes it after a dash: `aes-256-cbc`. */
export type CipherName = string;

export type CipherMode = 'cbc' | 'ecb' | 'ctr' | 'cfb' | 'cfb1' | 'cfb8' | 'ofb' | 'stream';

/** What `openssl enc` needs to know of a cipher. Lengths in bytes. */
export interface Cipher {
  readonly name: CipherName;
  readonly mode: CipherMode;
  readonly keyLength: number;
  /** 0 in ECB mode. */
  readonly ivLength: number;
  /** A ciphertext is a whole number of these: 16 or 8 in CBC and ECB mode, 1 in all others. */
  readonly blockLength: number;
  /** The name under which node:crypto knows it. */
  readonly nodeName: string;
}

const ALL_MODES = ['cbc', 'ecb', 'ctr', 'cfb', 'cfb1', 'cfb8', 'ofb'] as const;

interface Family {
  readonly prefix: string;
  readonly keyLength: number;
  readonly blockLength: number;
  readonly modes: readonly Exclude<CipherMode, 'stream'>[];
  /** Other names of the CBC mode, as `openssl enc -list` has them. */
  readonly cbcAliases: readonly string[];
}

const FAMILIES: readonly Family[] = [
  ...['aes', 'aria', 'camellia'].flatMap((family) =>
    [128, 192, 256].map((bits) => ({
      prefix: `${family}-${bits}`,
      keyLength: bits / 8,
      blockLength: 16,
      modes: ALL_MODES,
      cbcAliases: [`${family}${bits}`],
    })),
  ),
  { prefix: 'sm4', keyLength: 16, blockLength: 16, modes: ['cbc', 'ecb', 'ctr', 'cfb', 'ofb'], cbcAliases: ['sm4'] },
  {
    prefix: 'des-ede3',
    keyLength: 24,
    blockLength: 8,
    modes: ['cbc', 'ecb', 'cfb', 'cfb1', 'cfb8', 'ofb'],
    cbcAliases: ['des3'],
  },
  { prefix: 'des-ede', keyLength: 16, blockLength: 8, modes: ['cbc', 'ecb', 'cfb', 'ofb'], cbcAliases: [] },
];

/** Triple DES in ECB mode has no mode in its name: `des-ede3-ecb` is an alias that OpenSSL before 1.1.0 and LibreSSL lack. */
function nameInMode(prefix: string, mode: CipherMode): CipherName {
  return mode === 'ecb' && prefix.startsWith('des-') ? prefix : `${prefix}-${mode}`;
}

function blockCipher(family: Family, mode: CipherMode): Cipher {
  const name = nameInMode(family.prefix, mode);
  return {
    name,
    mode,
    keyLength: family.keyLength,
    ivLength: mode === 'ecb' ? 0 : family.blockLength,
    blockLength: mode === 'cbc' || mode === 'ecb' ? family.blockLength : 1,
    nodeName: name,
  };
}

const CHACHA20 = { mode: 'stream', keyLength: 32, blockLength: 1, nodeName: 'chacha20' } as const;

/** LibreSSL's original ChaCha20: 8 bytes of IV and a 64-bit counter that starts at 0 (`toNodeIv` in key-derivation.ts). */
export const CHACHA_NAME = 'chacha';

/** Every cipher that can be used, by canonical name. */
export const CIPHERS: ReadonlyMap<CipherName, Cipher> = new Map(
  [
    ...FAMILIES.flatMap((family) => family.modes.map((mode) => blockCipher(family, mode))),
    { ...CHACHA20, name: 'chacha20', ivLength: 16 },
    { ...CHACHA20, name: CHACHA_NAME, ivLength: 8 },
  ].map((cipher) => [cipher.name, cipher]),
);

const ALIASES: ReadonlyMap<string, CipherName> = new Map<string, CipherName>([
  ...FAMILIES.flatMap(({ prefix, cbcAliases }) => cbcAliases.map((alias) => [alias, `${prefix}-cbc`] as const)),
  ['des-ede3-ecb', 'des-ede3'],
  ['des-ede-ecb', 'des-ede'],
]);

/** `aes_256_cbc`, `AES256-CBC`: only names that state a mode, so that `aes-256` is not taken for one. */
const SQUASHED: ReadonlyMap<string, CipherName> = new Map(
  [...CIPHERS.values()]
    .filter(({ name, mode }) => name.endsWith(`-${mode}`))
    .map(({ name }) => [squash(name), name] as const),
);

function squash(name: string): string {
  return name.replaceAll(/[-_]/g, '');
}

const LEGACY_CIPHER = /^(?:rc[245]|bf|blowfish|cast5?|idea|seed|des|desx)(?:-(?!ede)|$)/;
const MODE_THAT_ENC_REFUSES = /^id-|-(?:gcm|ccm|ocb|siv|poly1305|xts|wrap|wrap-pad|cts|hmac-sha\d+)$/;
/** Names that are common words too. */
const COMMON_WORD = /^(?:idea|seed|cast)$/;

function refuseKnownCipher(name: string): void {
  if (LEGACY_CIPHER.test(name)) {
    throw new SealdropError('unsupported-cipher', `the cipher ${name} is only in OpenSSL's legacy provider`, {
      hint:
        'ask the sender to encrypt with -aes-256-cbc, or decrypt this payload with ' +
        `openssl enc -d -${name} -provider legacy -provider default`,
    });
  }
  if (MODE_THAT_ENC_REFUSES.test(name)) {
    throw new SealdropError('unsupported-cipher', `openssl enc itself refuses the cipher ${name}`, {
      hint: 'AEAD, XTS and key wrap modes have no place for their tag or key in this format: use -aes-256-cbc',
    });
  }
}

/** The canonical names, most usual first. */
export const CIPHER_NAMES: readonly CipherName[] = [...CIPHERS.keys()];

function plainName(name: string): string {
  return name.replace(/^--?/, '').toLowerCase();
}

/** Whether a word, with or without a dash, names a cipher, be it one that `findCipher` refuses. */
export function isCipherName(word: string): boolean {
  const plain = plainName(word);
  if (lookUpCipher(plain) !== undefined) return true;
  return (LEGACY_CIPHER.test(plain) || MODE_THAT_ENC_REFUSES.test(plain)) && !COMMON_WORD.test(plain);
}

/** The cipher of that name or alias, with or without leading dashes, in any case; undefined when it is unknown or refused. */
export function lookUpCipher(name: string): Cipher | undefined {
  const plain = plainName(name);
  return CIPHERS.get(plain) ?? CIPHERS.get(ALIASES.get(plain) ?? '') ?? CIPHERS.get(SQUASHED.get(squash(plain)) ?? '');
}

/**
 * The cipher that `openssl enc` means by a name: `aes-256-cbc`, `-AES256`, `des3`, …
 * @throws SealdropError `unsupported-cipher` for one that is known but cannot be used, `unknown-cipher` for any other name
 */
export function findCipher(name: string): Cipher {
  const cipher = lookUpCipher(name);
  if (cipher !== undefined) return cipher;
  const plain = plainName(name);
  refuseKnownCipher(plain);
  throw new SealdropError('unknown-cipher', `no cipher of openssl enc is called ${quoteWord(name)}`, {
    hint: suggestNames(plain, [...CIPHER_NAMES, ...ALIASES.keys()]),
  });
}
