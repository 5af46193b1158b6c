type Completed = (error: Error | null, words: string[] | undefined) => void;

/**
 * What Tab offers: commands, and options once a dash is typed. For anything else nothing, so that the shell offers file names;
 * yargs would list every option there.
 */
// oxlint-disable-next-line max-params -- yargs tells this kind of function by its four parameters
export function completeWords(
  current: string,
  _args: unknown,
  filter: (onCompleted?: Completed) => unknown,
  done: (words: string[]) => unknown,
): void {
  filter((_error, words = []) => {
    // yargs spells short options with two dashes here (--k).
    const isShort = (word: string) => /^--.(:|$)/.test(word);
    done(words.filter((word) => (current.startsWith('-') ? !isShort(word) : !word.startsWith('-'))));
  });
}
