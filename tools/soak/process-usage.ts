/** What a process holds, from proc(5). */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessUsage {
  readonly residentBytes: number;
  readonly descriptors: number;
  readonly watches: number;
  readonly threads: number;
}

const KIB = 1024;

export function usageOf(pid: number): ProcessUsage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  const descriptors = readdirSync(`/proc/${pid}/fd`);
  return {
    residentBytes: field('VmRSS') * KIB,
    descriptors: descriptors.length,
    watches: descriptors.reduce((sum, descriptor) => sum + watchesOf(pid, descriptor), 0),
    threads: field('Threads'),
  };
}

/** Each watch of an inotify instance has a line of its own in fdinfo. */
function watchesOf(pid: number, descriptor: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, 'latin1');
    return text.split('\n').filter((line) => line.startsWith('inotify ')).length;
  } catch {
    // Closed since it was listed.
    return 0;
  }
}
