import { formatDuration } from './duration.ts';
import { type Finding, note, ok } from './finding.ts';
import type { Config } from './schema.ts';
import { formatSize } from './size.ts';

/** What becomes of uploads that never make an envelope, or too large a one: an operator should not learn of these limits from a sender. */
export function checkLimits({ landings, incompleteAfter, strayAfter }: Config): readonly Finding[] {
  return [
    ...landings.map(({ name, maximumPayloadSize }) =>
      ok(
        `landing ${name}: a payload larger than ${formatSize(maximumPayloadSize)} is quarantined unread (maximumPayloadSize)`,
      ),
    ),
    ok(`incomplete envelopes are quarantined after ${formatDuration(incompleteAfter)} (incompleteAfter)`),
    strayAfter === 'off'
      ? note(
          'files that belong to no envelope stay in their landing for ever (strayAfter: off)',
          'Set strayAfter, like 7d, and they are quarantined; nothing is deleted.',
        )
      : ok(`files that belong to no envelope are quarantined after ${formatDuration(strayAfter)} (strayAfter)`),
  ];
}
