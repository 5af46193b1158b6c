/** Output never goes over the keys that a command works with: --force is for old output, and a private key has no other copy. */
import { lstat, stat } from 'node:fs/promises';

/** Whether `path` is that very file, by whatever name. A link at `path` is not: replacing a link leaves its target alone. */
async function isSameFile(path: string, keyFile: string): Promise<boolean> {
  const [output, key] = await Promise.all([
    lstat(path, { bigint: true }).catch(() => null),
    stat(keyFile, { bigint: true }).catch(() => null),
  ]);
  return output !== null && key !== null && output.dev === key.dev && output.ino === key.ino;
}

/** @throws SealdropError `cannot-create` when writing `path` would destroy one of `keyFiles` */
export async function refuseKeyInUse(path: string, keyFiles: readonly string[]): Promise<void> {
  const { SealdropError } = await import('@sealdrop/core');
  for (const keyFile of keyFiles) {
    if (!(await isSameFile(path, keyFile))) continue;
    throw new SealdropError('cannot-create', `${path}: is a key in use by this command`, {
      hint: 'give another name: --output FILE',
    });
  }
}
