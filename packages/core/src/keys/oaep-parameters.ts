/** STUB: types are the contract; parse and format are being written. */

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
