/** Whether a key's specification names a PEM file (`openKey`); all others are keys of AWS KMS. */
export function isFileKey(specification: string): boolean {
  return specification.startsWith('file:');
}
