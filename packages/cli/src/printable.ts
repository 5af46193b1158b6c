/** Controls, bidirectional and zero-width marks, line separators and lone surrogates: what could forge or hide text on a terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const HEXADECIMAL = 16;
const ONE_BYTE = 0xff;

function escapeCharacter(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  const hex = point.toString(HEXADECIMAL);
  return point <= ONE_BYTE ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`;
}

/** Text from outside (file names, notes, answers of servers) as one line that is safe to show on a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeCharacter);
}

const UTF16_DIGITS = 4;

/** One line of JSON; characters that `printable` escapes stand in JSON's own escapes, so that it is safe on a terminal too. */
export function jsonLine(value: unknown): string {
  const escapeUnits = (character: string) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(HEXADECIMAL).padStart(UTF16_DIGITS, '0')}`)
      .join('');
  return JSON.stringify(value).replace(UNPRINTABLE, escapeUnits);
}
