const GROUP_LENGTH = 4;

/** A fingerprint in hexadecimal, in groups of four digits: as one reads it aloud. */
export function fingerprintGroups(hexadecimal: string): readonly string[] {
  return hexadecimal.match(new RegExp(`.{1,${GROUP_LENGTH}}`, 'g')) ?? [];
}
