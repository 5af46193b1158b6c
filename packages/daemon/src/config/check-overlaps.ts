import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unlessErrno } from '../spool/errno.ts';
import { type Finding, problem } from './finding.ts';
import { overlaps, type Places } from './overlaps.ts';

const HINT = 'The paths lead to the same place by a symbolic link or ..; name directories that lie apart.';

/** Directories whose paths look apart, and are not: a symbolic link leads from one into the other. */
export async function checkOverlaps(places: Places): Promise<readonly Finding[]> {
  const { spool, state, landings } = places;
  const real: Places = {
    spool: await realPath(spool),
    state: state === undefined ? undefined : await realPath(state),
    landings: await Promise.all(
      landings.map(async ({ name, directory, delivery }) => ({
        name,
        directory: await realPath(directory),
        delivery: await realPath(delivery),
      })),
    ),
  };
  return overlaps(real).map(({ path, message }) => problem(`${subjectOf(path, places)} ${message}`, HINT));
}

/** In the words of the other checks. */
function subjectOf([setting, index, field]: readonly PropertyKey[], { state, landings }: Places): string {
  const landing = setting === 'landings' ? landings[Number(index)] : undefined;
  if (landing === undefined) return `state ${state}:`;
  const directory = field === 'delivery' ? landing.delivery : landing.directory;
  return `landing ${landing.name}: ${String(field)} ${directory}:`;
}

/** Of what is not there yet, where it would be. */
export async function realPath(path: string): Promise<string> {
  const found = await unlessErrno(['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'], () => realpath(path));
  if (found !== null || path === '/') return found ?? path;
  return join(await realPath(dirname(path)), basename(path));
}
