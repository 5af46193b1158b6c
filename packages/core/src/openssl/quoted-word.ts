const MAXIMUM_QUOTED_LENGTH = 40;

/** A word from outside as it may stand in a message: control characters escaped, length bounded, in double quotes. */
export function quoteWord(word: string): string {
  const shown = word.length > MAXIMUM_QUOTED_LENGTH ? `${word.slice(0, MAXIMUM_QUOTED_LENGTH)}…` : word;
  // JSON escapes C0 controls only; C1 controls, bidirectional marks and other format characters would still act on a terminal.
  return JSON.stringify(shown).replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
