/** What the daemon is doing when it is struck, and which fault points lie on the way. */
import { FAULT_POINTS, type FaultPoint } from '../../src/spool/fault-points.ts';
import type { HostOptions } from '../host.ts';

export interface Scenario {
  readonly name: string;
  readonly options: HostOptions;
  /** The fault that leads to these points, for the same run of the daemon. */
  readonly prelude: string | null;
  /** The fault that ends the run before. */
  readonly before: string | null;
  readonly points: readonly FaultPoint[];
}

/** Points that such envelopes do not pass on their own: see `command-faults.test.ts` and `elsewhere-faults.test.ts`. */
const ELSEWHERE =
  /^(retry-order|keep-report|send-back|discard|remove-discarded|clear-copy|copy-out|outbox-|ledger-aside|take-stray|undo-directory)/;

const REACHED_IN_TROUBLE = /^(undo-|take-rest|history)/;

function pointsOf(pattern: RegExp): readonly FaultPoint[] {
  return FAULT_POINTS.filter((point) => pattern.test(point) && !ELSEWHERE.test(point));
}

const usual = FAULT_POINTS.filter(
  (point) => !ELSEWHERE.test(point) && !REACHED_IN_TROUBLE.test(point) && !/^(archive|publish-over)\./.test(point),
);

const PLAIN = { name: '', options: {}, prelude: null, before: null, points: [] } satisfies Scenario;

/** Together they pass every point. */
export const SCENARIOS: readonly Scenario[] = [
  {
    ...PLAIN,
    name: 'suffix and delete',
    options: { landing: "mode: '0640'" },
    points: [...usual, ...pointsOf(/^undo-part\.unlink/)],
  },
  {
    ...PLAIN,
    name: 'replace and keep',
    options: { landing: 'collision: replace', settings: 'archive: keep' },
    points: pointsOf(/^(archive|publish-over)\./),
  },
  {
    ...PLAIN,
    name: 'a claim undone',
    prelude: 'take-member.rename:EIO:2',
    points: pointsOf(/^undo-(member|member-unlink|claim)\./),
  },
  { ...PLAIN, name: 'a failure noted', prelude: 'part.write:EIO', points: pointsOf(/^history\./) },
  {
    ...PLAIN,
    name: 'a claim cut off before its record',
    before: 'claim-record.create:kill',
    points: pointsOf(/^undo-empty-claim\./),
  },
  { ...PLAIN, name: 'a claim cut off', before: 'take-member.rename:kill:2', points: pointsOf(/^take-rest\./) },
  {
    ...PLAIN,
    name: 'a claim whose undoing is cut off',
    before: 'take-member.rename:EIO:2,undo-member-unlink.unlink:kill',
    points: pointsOf(/^undo-(member-unlink|claim)\./),
  },
  {
    ...PLAIN,
    name: 'a delivery cut off',
    before: 'publish.link:kill',
    points: pointsOf(/^(undo-delivery|undo-part)\./),
  },
  {
    ...PLAIN,
    name: 'a delivery cut off after its name',
    before: 'publish.sync:kill',
    points: pointsOf(/^(part-unlink|delivered)\./),
  },
];

/** Those of `FAULT_POINTS` that no scenario passes. */
export function unvisitedPoints(): readonly FaultPoint[] {
  const visited = new Set(SCENARIOS.flatMap(({ points }) => points));
  return FAULT_POINTS.filter((point) => !visited.has(point) && !ELSEWHERE.test(point));
}

/** Every scenario with every setting and every point on its way: minutes. */
export const isFullMatrix = process.env['SEALDROP_TEST_FAULTS'] === 'full';
