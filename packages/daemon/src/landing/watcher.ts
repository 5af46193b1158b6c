import { performance } from 'node:perf_hooks';
import { type FSWatcher, watch } from 'chokidar';
import { SealdropError, toSealdropError } from '@sealdrop/core';
import { errnoOf } from '../spool/errno.ts';
import { DEEPEST_FOLDER } from './scanner.ts';

/** After trouble, watching is begun anew this often, in milliseconds. */
const WATCH_ANEW = 60_000;
/** chokidar inspects every entry of a directory at each change in it: from so many entries on, or with so many claims in a scan, scanning costs less. */
const CROWDED = 500;
const BUSY = 8;

/** What a scan found. */
export interface Traffic {
  readonly entries: number;
  /** Envelopes: moving their members away is as many changes. */
  readonly claimed: number;
}

export interface WatcherEvents {
  /** Something happened below the directory: only a hint. */
  readonly onChange: () => void;
  /** Changes below the directory may go unnoticed from now on; said once until it is mended. */
  readonly onError: (error: SealdropError) => void;
  readonly onMended: () => void;
}

/** Watches a landing's directory, as far as the system allows. */
export class Watcher {
  readonly #directory: string;
  readonly #events: WatcherEvents;
  #watcher: FSWatcher | null = null;
  /** Of the directory that is being watched. */
  #identity: string | null = null;
  #sight: 'whole' | 'partial' | 'none' = 'whole';
  #said: 'trouble' | 'nothing' = 'nothing';
  #began = 0;

  constructor(directory: string, events: WatcherEvents) {
    this.#directory = directory;
    this.#events = events;
  }

  /** `partial` when changes may go unnoticed, `none` while it rests. */
  get sight(): 'whole' | 'partial' | 'none' {
    return this.#sight;
  }

  /** Watches anew when the directory was made, mounted or exchanged since, after a rest, and from time to time after trouble. */
  async ensure(identity: string, { entries, claimed }: Traffic): Promise<void> {
    if (entries > CROWDED || claimed > BUSY) return this.#rest();
    const again = this.#sight === 'partial' && performance.now() - this.#began > WATCH_ANEW;
    if (identity === this.#identity && !again) return;
    await this.forget();
    this.#began = performance.now();
    this.#sight = 'whole';
    this.#identity = identity;
    const watcher = watchDirectory(this.#directory, this.#events.onChange);
    this.#watcher = watcher;
    watcher.on('error', (error) => this.#failed(error));
    watcher.once('ready', () => {
      if (this.#watcher === watcher) this.#begun();
    });
  }

  /** Nobody waits for this, as it takes seconds where there are many files: what changed meanwhile is found by one more scan. */
  #begun(): void {
    this.#events.onChange();
    if (this.sight === 'partial' || this.#said === 'nothing') return;
    this.#said = 'nothing';
    this.#events.onMended();
  }

  async #rest(): Promise<void> {
    await this.forget();
    this.#sight = 'none';
  }

  #failed(error: unknown): void {
    this.#sight = 'partial';
    if (this.#said === 'trouble') return;
    this.#said = 'trouble';
    this.#events.onError(explain(error, this.#directory));
  }

  /** The directory is gone: the same one may come back, and then an old watch is worth nothing. */
  async forget(): Promise<void> {
    this.#identity = null;
    await this.#watcher?.close();
    this.#watcher = null;
  }
}

/**
 * Close it when done. Files are ignored, else chokidar would remember each of them; what happens to them shows as `raw` events of their folders. A new folder is
 * watched in the same moment that it is told of.
 */
function watchDirectory(directory: string, onChange: () => void): FSWatcher {
  const watcher = watch(directory, {
    ignoreInitial: true,
    followSymlinks: false,
    ignorePermissionErrors: true,
    depth: DEEPEST_FOLDER,
    ignored: (_, entry) => entry !== undefined && !entry.isDirectory(),
    // An unlink and an add in quick succession are two hints as good as one.
    atomic: false,
  });
  watcher.on('all', onChange);
  watcher.on('raw', onChange);
  return watcher;
}

/** What inotify says at its limits (inotify_add_watch(2), inotify_init(2)) reads like a full disk and a lack of files. */
const LIMITS: ReadonlyMap<string, readonly [what: string, setting: string]> = new Map([
  ['ENOSPC', ['watches', 'fs.inotify.max_user_watches=524288']],
  ['EMFILE', ['instances', 'fs.inotify.max_user_instances=1024']],
]);

function explain(error: unknown, directory: string): SealdropError {
  const limit = LIMITS.get(errnoOf(error) ?? '');
  if (limit === undefined) return toSealdropError(error, directory);
  const [what, setting] = limit;
  return new SealdropError('bad-configuration', `${directory}: the system allows no more inotify ${what}`, {
    hint: `Raise it with "sysctl -w ${setting}", and for good with that setting in /etc/sysctl.d. Until then the landing is scanned often.`,
    cause: error,
  });
}
