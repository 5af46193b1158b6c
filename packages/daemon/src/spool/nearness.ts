import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Which directories lie on the spool's own file system. Landings do by requirement, and most delivery directories do; others may be network mounts,
 * which can hang for hours. When the spool's hangs, nothing that the daemon does can go on; when another does, all that does not need it must.
 */
export type Nearness = 'near' | 'far';

/** File systems that answer from this machine's own disks or memory (statfs(2), linux/magic.h). On any other a call takes as long as a network does, and all is far. */
const LOCAL: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x01021994, // tmpfs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
  0x794c7630, // overlayfs
]);

/** Of all spools of the process that are on a local file system: the device (stat(2)). */
const devices = new Set<bigint>();
/** What is said of a directory counts for what lies below it, too. */
const known = new Map<string, Nearness>();
/** What was found for things in a directory: each is asked for many times in a row. */
const found = new Map<string, Nearness>();
const MOST_FOUND = 1024;

export async function beginAt(root: string): Promise<void> {
  const [{ dev }, { type }] = [await stat(root, { bigint: true }), await statfs(root)];
  if (LOCAL.has(type)) devices.add(dev);
  note(root, LOCAL.has(type) ? 'near' : 'far');
}

/** To be asked again and again: something may be mounted there. */
export async function askOf(directory: string): Promise<Nearness> {
  const entry = await stat(directory, { bigint: true }).catch(() => null);
  return note(directory, entry !== null && devices.has(entry.dev) ? 'near' : 'far');
}

export function note(directory: string, nearness: Nearness): Nearness {
  learn(join(directory), nearness);
  return nearness;
}

function learn(path: string, nearness: Nearness): void {
  if (known.get(path) === nearness) return;
  known.set(path, nearness);
  found.clear();
}

/** For a directory that is held open. */
export function hold(path: string, device: bigint): void {
  learn(path, devices.has(device) ? 'near' : 'far');
}

export function letGo(path: string): void {
  known.delete(path);
  found.clear();
}

export function nearnessOf(path: string): Nearness {
  const directory = path.slice(0, path.lastIndexOf('/'));
  const before = known.get(path) ?? found.get(directory);
  if (before !== undefined) return before;
  const nearness = search(path);
  if (found.size >= MOST_FOUND) found.clear();
  found.set(directory, nearness);
  return nearness;
}

function search(path: string): Nearness {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const nearness = known.get(path.slice(0, end));
    if (nearness !== undefined) return nearness;
  }
  return 'far';
}
