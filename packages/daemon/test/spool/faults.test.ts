import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FaultPoint } from '../../src/spool/fault-points.ts';
import { type Sealed, sealAll, StruckHost } from './fault-host.ts';
import { isFullMatrix, type Scenario, SCENARIOS, unvisitedPoints } from './fault-scenarios.ts';

let sealed: Sealed;

beforeAll(async () => {
  sealed = sealAll();
  // A killed process leaves nothing in the compile cache.
  await (await sealed.host.start()).stop();
});

afterAll(() => sealed.host.close());

/** So many kills follow each other on one host, each in the midst of mending the one before, unless it is the full matrix. */
const KILLS_IN_A_ROW = isFullMatrix ? 1 : 13;
const FAILURES_IN_A_ROW = isFullMatrix ? 1 : 6;
/** A row is a minute's work on a machine that has other things to do. */
const PATIENCE = 600_000;

/**
 * Rows of points from all along the way, the last one first: what a kill leaves behind is then mended without passing the next point, which strikes an
 * envelope on its first way through.
 */
function inRows(points: readonly FaultPoint[], length: number): readonly (readonly FaultPoint[])[] {
  const count = Math.ceil(points.length / length);
  const rows = Array.from({ length: count }, (_, row) => points.filter((__, index) => index % count === row));
  return rows.map((row) => row.toReversed());
}

/** An undoing that fails is not taken up again: the claim is finished instead. */
const failuresInARow = ({ prelude }: Scenario): number => (prelude === null ? FAILURES_IN_A_ROW : 1);

const listOf = (...faults: readonly (string | null)[]): string => faults.filter((fault) => fault !== null).join(',');

async function withStruckHost({ options }: Scenario, strike: (struck: StruckHost) => Promise<void>): Promise<void> {
  const struck = new StruckHost(sealed, options);
  try {
    await strike(struck);
    struck.expectAllWell();
    struck.expectOneReceiptEach();
  } finally {
    await struck.close();
  }
}

function killedAt(points: readonly FaultPoint[], scenario: Scenario, which = ''): Promise<void> {
  const { prelude, before } = scenario;
  return withStruckHost(scenario, async (struck) => {
    for (const point of points) {
      struck.land();
      if (before !== null) await struck.struckBy(before);
      await struck.struckBy(listOf(prelude, `${point}:kill${which}`));
    }
    await struck.settles();
  });
}

function failingAt(points: readonly FaultPoint[], errno: string, scenario: Scenario): Promise<void> {
  return withStruckHost(scenario, async (struck) => {
    struck.land();
    const faults = points.map((point) => `${point}:${errno}`);
    const daemon = await struck.settles(listOf(scenario.prelude, ...faults));
    const stderr = await daemon.stderr;
    expect(faults.filter((fault) => !stderr.includes(`fault ${fault}\n`))).toEqual([]);
  });
}

test('every fault point is on the way of some scenario', () => {
  expect(unvisitedPoints()).toEqual([]);
});

describe.concurrent.each(SCENARIOS)('$name', (scenario) => {
  const kills = inRows(scenario.points, KILLS_IN_A_ROW).map((points) => ({ points }));
  test.each(kills)(
    'killed at $points nothing is lost and nothing is delivered twice',
    async ({ points }) => {
      await expect(killedAt(points, scenario)).resolves.toBeUndefined();
    },
    PATIENCE,
  );

  const failures = scenario.before === null ? inRows(scenario.points, failuresInARow(scenario)) : [];
  test.each(failures.map((points) => ({ points })))(
    'an EIO at each of $points is got over without a restart, and nobody is blamed for it',
    async ({ points }) => {
      await expect(failingAt(points, 'EIO', scenario)).resolves.toBeUndefined();
    },
    PATIENCE,
  );
});

const EVERY_SETTING = ['suffix', 'replace'].flatMap((collision) =>
  ['keep', 'delete'].map((archive) => ({
    // A mode of its own, so that the part is given it.
    landing: `collision: ${collision}, mode: '0640'`,
    settings: `archive: ${archive}`,
  })),
);

describe.runIf(isFullMatrix).concurrent.each(EVERY_SETTING)('the full matrix: $landing, $settings', (options) => {
  const points = (SCENARIOS[0]?.points ?? []).filter(
    (point) =>
      !(options.landing.includes('replace') && /^(publish|part-unlink)\./.test(point)) &&
      !(options.settings.includes('keep') && /^(leave-delivered|remove-delivered)\./.test(point)),
  );
  const scenario = { name: '', options, prelude: null, before: null, points };
  test.each(points)('killed at %s', async (point) => {
    await expect(killedAt([point], scenario)).resolves.toBeUndefined();
  });
  const onceMore = points.filter((point) => !/^(report|quarantine|told|untold|undo-part)\./.test(point));
  test.each(onceMore)('killed when %s comes for the second time', async (point) => {
    await expect(killedAt([point], scenario, ':2')).resolves.toBeUndefined();
  });
  const everyErrno = points.flatMap((point) => ['ENOSPC', 'EROFS', 'EACCES'].map((errno) => [point, errno] as const));
  test.each(everyErrno)('at %s a passing %s', async (point, errno) => {
    await expect(failingAt([point], errno, scenario)).resolves.toBeUndefined();
  });
});
