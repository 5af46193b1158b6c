import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';

/** A file by what does not change with its name. */
export interface FileIdentity {
  readonly name: string;
  readonly device: bigint;
  readonly inode: bigint;
}

/** O_ACCMODE of open(2): the two bits that say read, write or both. */
const ACCESS_MODE = 0o3;

/**
 * Which of the files some process holds open for writing, as `device:inode`, as far as /proc lets us look: as root or as the same user, everything
 * (proc(5), ptrace access mode). Where it does not, only standing still is left to judge by.
 */
export function openForWriting(files: readonly FileIdentity[]): ReadonlySet<string> {
  const wanted = new Map(files.map((file) => [identify(file.device, file.inode), file.name]));
  const names = new Set(wanted.values());
  const found = new Set<string>();
  if (names.size === 0) return found;
  for (const process of list('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    for (const descriptor of list(`/proc/${process}/fd`)) {
      const identity = writtenFile(process, descriptor, names);
      if (identity !== null && wanted.has(identity)) found.add(identity);
    }
  }
  return found;
}

export function identify(device: bigint, inode: bigint): string {
  return `${device}:${inode}`;
}

/** The link's text is compared first: asking for the file's status could hang on a dead network mount, reading a link cannot. */
function writtenFile(process: string, descriptor: string, names: ReadonlySet<string>): string | null {
  const path = `/proc/${process}/fd/${descriptor}`;
  try {
    if (!names.has(basename(readlinkSync(path)))) return null;
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${process}/fdinfo/${descriptor}`, 'latin1'))?.[1];
    if (flags === undefined || (Number.parseInt(flags, 8) & ACCESS_MODE) === 0) return null;
    const { dev, ino } = statSync(path, { bigint: true });
    return identify(dev, ino);
  } catch {
    // The process ended, the file was closed, or we may not look.
    return null;
  }
}

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
