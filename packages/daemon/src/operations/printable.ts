// File names and notes are the sender's: control characters, line separators and direction marks could fool a terminal.
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The text on one line that a terminal shows as it is, as a JSON string would spell it. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escape);
}
