import { expect, test } from 'vitest';
import { Metrics, type QueueState } from '../../src/operations/metrics.ts';

/** Samples by name and labels, as Prometheus would store them. */
async function scrape(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.render()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

function metricsOf(
  options: { readonly queues?: () => readonly QueueState[]; readonly now?: () => number } = {},
): Metrics {
  return new Metrics({ version: '1.2.3', landings: ['acme', 'globex'], queues: () => [], ...options });
}

test('envelopes are counted by landing, outcome and code, and deliveries by bytes and time', async () => {
  const metrics = metricsOf({ now: () => 1_700_000_000_500 });
  metrics.envelopeEnded({ landing: 'acme', outcome: 'delivered', code: null, plaintextSize: 1000 });
  metrics.envelopeEnded({ landing: 'acme', outcome: 'delivered', code: null, plaintextSize: 24 });
  metrics.envelopeEnded({ landing: 'globex', outcome: 'quarantined', code: 'bad-decrypt', plaintextSize: null });
  const samples = await scrape(metrics);
  expect(samples.get('sealdrop_envelopes_total{landing="acme",outcome="delivered",code="none"}')).toBe(2);
  expect(samples.get('sealdrop_envelopes_total{landing="globex",outcome="quarantined",code="bad-decrypt"}')).toBe(1);
  expect(samples.get('sealdrop_plaintext_bytes_total{landing="acme"}')).toBe(1024);
  expect(samples.get('sealdrop_last_delivery_timestamp_seconds{landing="acme"}')).toBe(1_700_000_000.5);
  expect(samples.has('sealdrop_last_delivery_timestamp_seconds{landing="globex"}')).toBe(false);
});

test('a configured landing is there at zero before its first envelope', async () => {
  const samples = await scrape(metricsOf());
  expect(samples.get('sealdrop_envelopes_total{landing="globex",outcome="delivered",code="none"}')).toBe(0);
  expect(samples.get('sealdrop_queue_depth{landing="globex"}')).toBe(0);
  expect(samples.get('sealdrop_oldest_waiting_seconds{landing="globex"}')).toBe(0);
});

test('names that are neither configured nor on a list add no time series of their own', async () => {
  const metrics = metricsOf({
    queues: () => ['gone-1', 'gone-2'].map((landing) => ({ landing, depth: 3, oldest: null })),
  });
  for (let index = 0; index < 500; index += 1) {
    metrics.envelopeEnded({
      landing: `evil-${index}`,
      outcome: 'quarantined',
      code: `evil"code-${index}`,
      plaintextSize: null,
    });
    metrics.kmsRequestEnded({ seconds: 1, code: `evil-${index}` });
  }
  const samples = await scrape(metrics);
  expect(samples.get('sealdrop_envelopes_total{landing="other",outcome="quarantined",code="internal"}')).toBe(500);
  expect(samples.get('sealdrop_kms_errors_total{code="internal"}')).toBe(500);
  expect(samples.get('sealdrop_queue_depth{landing="other"}')).toBe(6);
  expect([...samples.keys()].filter((name) => /evil|gone/.test(name))).toEqual([]);
});

test('queues are asked at the time of the scrape, and an emptied one goes back to zero', async () => {
  let queues: readonly QueueState[] = [
    { landing: 'acme', depth: 7, oldest: 60_000 },
    { landing: 'globex', depth: 1, oldest: 90_000 },
  ];
  const metrics = metricsOf({ queues: () => queues, now: () => 100_000 });
  const before = await scrape(metrics);
  expect(before.get('sealdrop_queue_depth{landing="acme"}')).toBe(7);
  expect(before.get('sealdrop_oldest_waiting_seconds{landing="acme"}')).toBe(40);
  queues = [];
  const after = await scrape(metrics);
  expect(after.get('sealdrop_queue_depth{landing="acme"}')).toBe(0);
  expect(after.get('sealdrop_oldest_waiting_seconds{landing="acme"}')).toBe(0);
});

test('stages and KMS requests are histograms of seconds', async () => {
  const metrics = metricsOf();
  metrics.stageEnded('decrypt', 0.3);
  metrics.stageEnded('decrypt', 120);
  metrics.kmsRequestEnded({ seconds: 0.02, code: null });
  metrics.kmsRequestEnded({ seconds: 30, code: 'kms-throttled' });
  const samples = await scrape(metrics);
  expect(samples.get('sealdrop_stage_duration_seconds_bucket{le="0.5",stage="decrypt"}')).toBe(1);
  expect(samples.get('sealdrop_stage_duration_seconds_sum{stage="decrypt"}')).toBe(120.3);
  expect(samples.get('sealdrop_kms_request_duration_seconds_bucket{le="0.025"}')).toBe(1);
  expect(samples.get('sealdrop_kms_request_duration_seconds_count')).toBe(2);
  expect(samples.get('sealdrop_kms_errors_total{code="kms-throttled"}')).toBe(1);
});

test('a landing of a new configuration counts under its own name', async () => {
  const metrics = metricsOf();
  metrics.setLandings(['acme', 'initech']);
  metrics.envelopeEnded({ landing: 'initech', outcome: 'delivered', code: null, plaintextSize: null });
  const samples = await scrape(metrics);
  expect(samples.get('sealdrop_envelopes_total{landing="initech",outcome="delivered",code="none"}')).toBe(1);
  expect(samples.has('sealdrop_queue_depth{landing="globex"}')).toBe(false);
});

test('the build and the process are described, apart for each instance', async () => {
  const [first, second] = [metricsOf(), metricsOf()];
  first.envelopeEnded({ landing: 'acme', outcome: 'delivered', code: null, plaintextSize: 5 });
  const samples = await scrape(second);
  expect(samples.get('sealdrop_plaintext_bytes_total{landing="acme"}')).toBe(0);
  expect(samples.get(`sealdrop_build_info{version="1.2.3",node_version="${process.versions.node}"}`)).toBe(1);
  expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(0);
  expect(samples.get('process_open_fds')).toBeGreaterThan(0);
  expect(second.contentType).toContain('text/plain; version=0.0.4');
});

test('every metric of ours has a help text and follows the naming conventions', async () => {
  const metrics = metricsOf();
  const types = [...(await metrics.render()).matchAll(/^# TYPE (sealdrop_\S+) (\S+)$/gm)];
  expect(types.map(([, name]) => name).toSorted()).toEqual([
    'sealdrop_build_info',
    'sealdrop_envelopes_total',
    'sealdrop_kms_errors_total',
    'sealdrop_kms_request_duration_seconds',
    'sealdrop_last_delivery_timestamp_seconds',
    'sealdrop_oldest_waiting_seconds',
    'sealdrop_plaintext_bytes_total',
    'sealdrop_queue_depth',
    'sealdrop_stage_duration_seconds',
  ]);
  for (const [, name = '', type] of types) expect(name.endsWith('_total')).toBe(type === 'counter');
});
