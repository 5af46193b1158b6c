/**
 * Stands in for `string-width` where yargs lays out help: all of our help is printable ASCII. The library makes a grapheme segmenter and
 * compiles the tables of emoji and wide characters before it is asked anything, which took a third of the time of `--help`.
 */
export function asciiWidth(text: string): number {
  return text.length;
}

// oxlint-disable-next-line import/no-default-export -- as the library exports it
export default asciiWidth;
