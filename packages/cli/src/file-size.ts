import { stat } from 'node:fs/promises';

/** Bytes; null when it cannot be known, which whoever reads the file next will explain. */
export async function fileSize(path: string): Promise<number | null> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() === true ? found.size : null;
}
