import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT: string = join(import.meta.dirname, '../../..');

export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'packages/daemon/package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
