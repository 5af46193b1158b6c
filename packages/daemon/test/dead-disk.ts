/** A file system that does not answer, like a hard NFS mount whose server is down: whoever looks into it waits. Needs root and /dev/fuse. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export class DeadDisk {
  readonly #directory: string;
  readonly #server: number;

  /** Mounts it over `directory`: a FUSE file system of which nobody is the server (fuse(4)). */
  constructor(directory: string) {
    this.#directory = directory;
    this.#server = openSync('/dev/fuse', 'r+');
    const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other';
    execFileSync('mount', ['-i', '-t', 'fuse', '-o', options, 'dead', directory], {
      stdio: ['ignore', 'ignore', 'pipe', this.#server],
    });
  }

  /** Whoever waits gets an error, and the directory is there again. */
  unmount(): void {
    spawnSync('umount', ['--lazy', this.#directory]);
    closeSync(this.#server);
  }
}
