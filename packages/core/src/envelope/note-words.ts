/** Words of a prose note that say nothing about the parameters. Any word that is neither here nor a name is an error. */
const WORDS = `
a an the is was were be been are it its this that these those we i you our your and or as at by for from in into of on to via with using used use uses
algorithm algorithms mode modes flag flags option options parameter parameters switch command commands line cli tool utility program version
encrypt encrypted encryption encrypting encipher enciphered cipher ciphered symmetric data file files payload content contents document attachment
key keys derivation derive derived function kdf password passphrase secret random salt salted hash digest hmac prf md message
openssl enc libressl standard default defaults openssl's iteration iterations round rounds count
wrapped wrap wrapping rsa padding public asymmetric kms aws
bit bits block chaining please note see all same both
`;

export const FILLER_WORDS: ReadonlySet<string> = new Set(WORDS.split(/\s+/).filter((word) => word !== ''));
