import { type FSWatcher, watch } from 'chokidar';
import { toSealdropError, type SealdropError } from '@sealdrop/core';
import { DEEPEST_FOLDER } from './scanner.ts';

export interface WatcherEvents {
  /** Something happened below the directory: only a hint. */
  readonly onChange: () => void;
  readonly onError: (error: SealdropError) => void;
}

/** Watches a landing's directory for changes; the watcher is ready when the promise is fulfilled. Close it when done. */
export async function watchDirectory(directory: string, { onChange, onError }: WatcherEvents): Promise<FSWatcher> {
  const watcher = watch(directory, {
    ignoreInitial: true,
    followSymlinks: false,
    ignorePermissionErrors: true,
    depth: DEEPEST_FOLDER,
    // An unlink and an add in quick succession are two hints as good as one.
    atomic: false,
  });
  watcher.on('all', onChange);
  watcher.on('error', (error) => onError(toSealdropError(error, directory)));
  await new Promise<void>((resolve) => {
    watcher.once('ready', resolve);
    watcher.once('error', () => resolve());
  });
  return watcher;
}
