/** STUB */

/**
 * Makes a file appear under `finalPath` whole or not at all: `write` fills a new file under a temporary dot name in the same directory (it must
 * create it), which is then fsynced, linked (`refuse`: fails with `already-exists` when taken) or renamed (`replace`) to its final
 * name, and the directory is fsynced. When anything fails, or `signal` aborts, no file is left.
 */
export async function createOutputFile(
  _finalPath: string,
  _existing: 'refuse' | 'replace',
  _write: (temporaryPath: string) => Promise<void>,
): Promise<void> {
  throw new Error('not implemented yet');
}
