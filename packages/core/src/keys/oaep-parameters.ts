import { SealdropError } from '../errors.ts';

/** Hash names in openssl's spelling, in the order they are listed in help. */
export const OAEP_HASHES = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const;
export type OaepHash = (typeof OAEP_HASHES)[number];

/** RSAES-OAEP as openssl's `-pkeyopt` states it: `rsa_oaep_md`, `rsa_mgf1_md` (same as the hash unless given), `rsa_oaep_label`. */
export interface OaepParameters {
  readonly hash: OaepHash;
  readonly mgf1Hash: OaepHash;
  readonly label: Uint8Array;
}

/** The common case: MGF1 with the same hash, empty label. */
export function oaepWith(hash: OaepHash): OaepParameters {
  return { hash, mgf1Hash: hash, label: new Uint8Array(0) };
}

/** What openssl uses when `rsa_oaep_md` is not given (openssl-pkeyutl(1)), and all that `rsautl -oaep` can do. */
const OPENSSL_DEFAULT_HASH: OaepHash = 'sha1';

const OPTION_NAMES = ['rsa_padding_mode', 'rsa_oaep_md', 'rsa_mgf1_md', 'rsa_oaep_label'] as const;
type OptionName = (typeof OPTION_NAMES)[number];

function badOaep(message: string): SealdropError {
  return new SealdropError('bad-parameters', message, {
    hint: `say a hash (${OAEP_HASHES.join(', ')}) or openssl's options, like "rsa_oaep_md:sha256 rsa_mgf1_md:sha1"`,
  });
}

/** OpenSSL's other spellings of the same hashes (`SHA-256`, `SHA2-256`) count too. */
function parseHash(text: string): OaepHash {
  const name = text
    .toLowerCase()
    .replace(/^sha2-/, 'sha')
    .replace(/^sha-/, 'sha');
  const hash = OAEP_HASHES.find((known) => known === name);
  if (hash === undefined) throw badOaep(`unknown OAEP hash "${text}"`);
  return hash;
}

function parseLabel(hex: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/i.test(hex)) throw badOaep(`rsa_oaep_label "${hex}" is not hexadecimal`);
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

function parseOption(word: string): readonly [OptionName, string] {
  const colon = word.indexOf(':');
  const name = OPTION_NAMES.find((known) => known === word.slice(0, colon).toLowerCase());
  if (name === undefined) throw badOaep(`unknown OAEP option "${word}"`);
  return [name, word.slice(colon + 1)];
}

function readOptions(words: readonly string[]): ReadonlyMap<OptionName, string> {
  const options = new Map<OptionName, string>();
  for (const word of words) {
    const [name, value] = parseOption(word);
    if (options.has(name)) throw badOaep(`OAEP option ${name} is given twice`);
    options.set(name, value);
  }
  const padding = options.get('rsa_padding_mode') ?? 'oaep';
  if (padding.toLowerCase() !== 'oaep') throw badOaep(`padding mode "${padding}" is not OAEP`);
  return options;
}

/**
 * Reads a hash name (`sha1`, `sha256`, …; upper or lower case) or openssl's own options, with blanks or commas between
 * them: `-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha1`. As in openssl-pkeyutl(1),
 * an absent `rsa_oaep_md` is SHA-1 and an absent `rsa_mgf1_md` is the OAEP hash.
 * @throws SealdropError `bad-parameters`, naming the word that is not understood
 */
export function parseOaep(text: string): OaepParameters {
  const words = text.split(/[\s,]+/).filter((word) => word !== '' && word.toLowerCase() !== '-pkeyopt');
  const [first] = words;
  if (first === undefined) throw badOaep('the OAEP hash is missing');
  if (words.length === 1 && !first.includes(':')) return oaepWith(parseHash(first));
  const options = readOptions(words);
  const hash = parseHash(options.get('rsa_oaep_md') ?? OPENSSL_DEFAULT_HASH);
  return {
    hash,
    mgf1Hash: parseHash(options.get('rsa_mgf1_md') ?? hash),
    label: parseLabel(options.get('rsa_oaep_label') ?? ''),
  };
}

/** The shortest text that `parseOaep` reads back: the bare hash, or openssl's options where the hash alone does not say it. */
export function formatOaep(oaep: OaepParameters): string {
  const mgf1 = oaep.mgf1Hash === oaep.hash ? [] : [`rsa_mgf1_md:${oaep.mgf1Hash}`];
  const label = oaep.label.length === 0 ? [] : [`rsa_oaep_label:${Buffer.from(oaep.label).toString('hex')}`];
  const others = [...mgf1, ...label];
  return others.length === 0 ? oaep.hash : [`rsa_oaep_md:${oaep.hash}`, ...others].join(' ');
}
