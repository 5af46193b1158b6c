import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Which directories lie on the spool's own file system. Landings do by requirement, and most delivery directories do; others may be network mounts,
 * which can hang for hours. When the spool's hangs, nothing that the daemon does can go on; when another does, all that does not need it must.
 */
export type Nearness = 'near' | 'far';

/** Of all spools of the process: the devices of their file systems (stat(2)). */
const devices = new Set<bigint>();
/** What is said of a directory counts for what lies below it, too. */
const known = new Map<string, Nearness>();

export async function beginAt(root: string): Promise<void> {
  const { dev } = await stat(root, { bigint: true });
  devices.add(dev);
  known.set(join(root), 'near');
}

/** To be asked again and again: something may be mounted there. */
export async function askOf(directory: string): Promise<Nearness> {
  const entry = await stat(directory, { bigint: true }).catch(() => null);
  return note(directory, entry !== null && devices.has(entry.dev) ? 'near' : 'far');
}

export function note(directory: string, nearness: Nearness): Nearness {
  known.set(join(directory), nearness);
  return nearness;
}

/** For a directory that is held open. */
export function hold(path: string, device: bigint): void {
  known.set(path, devices.has(device) ? 'near' : 'far');
}

export function letGo(path: string): void {
  known.delete(path);
}

export function nearnessOf(path: string): Nearness {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const nearness = known.get(path.slice(0, end));
    if (nearness !== undefined) return nearness;
  }
  return 'far';
}
