/** A real file system of a few MiB, to be filled and to turn read-only. Needs root. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const MOST_ATTEMPTS = 1000;

export class SmallDisk {
  readonly directory: string;
  readonly #options: string;

  /** Mounts it over `directory`, which must exist. */
  constructor(directory: string, mebibytes: number) {
    this.directory = directory;
    this.#options = `size=${mebibytes}m,mode=700`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', this.#options, 'tmpfs', directory]);
  }

  /** Fills what is left, to the last byte. @returns the file that takes the room */
  fill(): string {
    const ballast = join(this.directory, '.ballast');
    spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4k']);
    return ballast;
  }

  remount(how: 'ro' | 'rw'): void {
    for (let attempt = 1; ; attempt += 1) {
      const { status, stderr } = spawnSync('mount', ['-o', `remount,${how},${this.#options}`, this.directory]);
      if (status === 0) return;
      // Somebody has a file open for writing, for a moment.
      if (attempt === MOST_ATTEMPTS || !stderr.includes('busy')) throw new Error(stderr.toString());
    }
  }

  unmount(): void {
    spawnSync('umount', ['--lazy', this.directory]);
  }
}
