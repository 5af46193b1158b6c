/**
 * Opens and seals envelopes: files that `openssl enc` encrypted under a random key, which is wrapped with RSA-OAEP.
 *
 * Which function for which need:
 * - an envelope on disk → its plaintext: `findEnvelopes`, then `openEnvelope`, then `writePlaintext` (whole or not at all) or `plaintext` (a stream)
 * - a file → an envelope for someone's public key: `loadPublicKey`, `sealEnvelope`
 * - an envelope, no key → what it is and what is wrong: `inspectEnvelope`; with the key, why it does not open: `diagnoseEnvelope`
 * - a passphrase and an openssl file → streams: `createDecryptStream`, `createEncryptStream`; over async iterables `decryptPayload`, `encryptPayload`
 * - openssl flags or a note → parameters, and back: `parseFlags`, `formatFlags`, `parseNote`, `formatNote`
 * - the name of a key → a key: `openKey`; a key of your own: implement `KeyProvider`
 *
 * Whatever fails throws a `SealdropError`: switch on `code` (the closed list is `errorCodes`), act on `blame`, show `message` and `hint`.
 *
 * Envelopes that a version opens, every later version opens. Codes, exports and fields are added in minor versions and removed in major ones.
 * @packageDocumentation
 */
export * from './errors.ts';
export { describeKey, openAwsKmsKey, type KeyDescription } from './keys/aws-kms.ts';
export * from './keys/key-provider.ts';
export { DEFAULT_KMS_PATIENCE, DEFAULT_KMS_TIMEOUT, type AwsOptions } from './keys/kms-client.ts';
export * from './keys/oaep-parameters.ts';
export * from './keys/local-key.ts';
export * from './keys/open-key.ts';
export * from './keys/public-key.ts';
export * from './keys/read-wrapped-key.ts';
export * from './keys/wrapped-key.ts';
export * from './openssl/parameters.ts';
export { type Cipher, CIPHER_NAMES, type CipherMode, type CipherName, findCipher } from './openssl/ciphers.ts';
export { DIGEST_NAMES, type DigestName, findDigest } from './openssl/digests.ts';
export { MAXIMUM_ITERATIONS } from './openssl/key-derivation.ts';
export { MAXIMUM_KEY_FILE_SIZE, readPassphrase } from './openssl/passphrase.ts';
export { payloadSize } from './openssl/payload-size.ts';
export { canProbePadding, probePadding, type ProbeOptions } from './openssl/probe-padding.ts';
export * from './openssl/payload-stream.ts';
export { releaseMemory } from './openssl/payload-transform.ts';
export * from './envelope/grouping.ts';
export { isTemporaryName, type MemberRole } from './envelope/member-name.ts';
export * from './envelope/naming.ts';
export * from './envelope/find.ts';
export type { EnvelopeFile, EnvelopeFiles } from './envelope/envelope-files.ts';
export * from './envelope/open.ts';
export * from './envelope/output-file.ts';
export * from './envelope/seal.ts';
export * from './envelope/inspect.ts';
export * from './envelope/manifest.ts';
export * from './envelope/note.ts';
export { MINIMUM_PASSPHRASE_LENGTH } from './envelope/choose-passphrase.ts';
export { readManifest } from './envelope/statement.ts';
export * from './envelope/diagnosis.ts';
export { DIAGNOSIS_BUDGET, type DiagnoseOptions, diagnoseEnvelope } from './envelope/diagnose.ts';
export { diagnoseCommand, type DiagnoseCommandInputs } from './envelope/repair-commands.ts';
export { MAXIMUM_REQUESTS } from './envelope/unwrap-search.ts';
export { openRepaired } from './envelope/open-repaired.ts';
export {
  EVIDENCE_SIZE,
  judgePlaintext,
  type Appearance,
  type PlaintextEvidence,
  type Verdict,
} from './envelope/evidence.ts';
export { checkPlausible, type ImplausiblePlaintext, type OpenedBeginning } from './envelope/implausible.ts';
export { signManifest, type SignaturePolicy, verifyManifestSignature, verifySignature } from './envelope/signature.ts';
export * from './envelope/signature-keys.ts';
export { setThreadPriority } from './openssl/worker-pool.ts';
