/** Whole processes, where starting up is the work. */
import { join } from 'node:path';
import { startKmsEmulator } from '@sealdrop/kms-emulator';
import { outputOf, takeTurns } from '../measure.ts';
import { atMost, find } from '../row.ts';
import type { BenchContext, Row, RowResult } from '../row.ts';
import { SEALDROP, withWorkbench } from '../workbench.ts';
import { readFile } from 'node:fs/promises';

const SMALL = 4096;
/** A short run is disturbed easily: more of them. */
const MORE_ROUNDS = 3;

async function measureStart({ options }: BenchContext): Promise<readonly RowResult[]> {
  return withWorkbench(options.memoryDirectory, SMALL, async (bench) => {
    const output = join(bench.directory, 'output');
    const decrypt = ['decrypt', bench.payload, '--key', `file:${bench.privateKey}`, '--output', output, '--force'];
    const goals = [
      { words: ['--version'], name: 'sealdrop --version', goal: 1.5 },
      { words: ['--help'], name: 'sealdrop --help', goal: 3 },
      { words: decrypt, name: 'sealdrop decrypt, 4 KiB, local key', goal: 4 },
    ];
    const contenders = goals.map(({ words, name }) => ({ name, words: [...SEALDROP, ...words] }));
    const node = { name: 'node -e 0', words: [process.execPath, '-e', '0'] };
    const measured = await takeTurns([node, ...contenders], options.rounds * MORE_ROUNDS);
    const base = find(measured, node.name);
    return goals.map(({ name, goal }) => {
      const own = find(measured, name);
      return { name: 'start', what: name, measured: [own, base], comparisons: [atMost(goal, own, base)] };
    });
  });
}

const OAEP = 'RSAES_OAEP_SHA_256';

/** Steps 6 and 7 of the article: `$0` the key's name, `$1` wrapped key, `$2` unwrapped, `$3` payload, `$4` plaintext. */
const ARTICLE = `aws --endpoint-url "$AWS_ENDPOINT_URL_KMS" kms decrypt --key-id "$0" --ciphertext-blob "fileb://$1" \
  --encryption-algorithm ${OAEP} --output text --query Plaintext | base64 --decode > "$2" &&
openssl enc -d -aes-256-cbc -pbkdf2 -pass "file:$2" -in "$3" -out "$4"`;

async function measureKms({ options }: BenchContext): Promise<readonly RowResult[]> {
  const hasAws = await outputOf(['aws', '--version']).then(
    () => true,
    () => false,
  );
  if (!hasAws)
    return [{ name: 'kms', what: 'one small envelope by KMS', measured: [], comparisons: [], remark: 'no aws here' }];
  return withWorkbench(options.memoryDirectory, SMALL, async (bench) => {
    const emulator = await startKmsEmulator();
    try {
      const { arn } = emulator.createKey({ alias: 'inbound', privateKey: await readFile(bench.privateKey, 'utf8') });
      const environment = { ...emulator.environment };
      const output = join(bench.directory, 'output');
      const files = [bench.wrappedKey, join(bench.directory, 'unwrapped'), bench.payload, output];
      const decrypt = ['decrypt', bench.payload, '--key', arn, '--output', output, '--force'];
      const measured = await takeTurns(
        [
          { name: 'sealdrop decrypt', words: [...SEALDROP, ...decrypt], environment },
          { name: 'aws kms decrypt, then openssl enc -d', words: ['sh', '-c', ARTICLE, arn, ...files], environment },
        ],
        options.rounds,
      );
      const [sealdrop, article] = measured;
      if (sealdrop === undefined || article === undefined) throw new Error('nothing was measured');
      const what = 'one small envelope, KMS on loopback, whole process';
      return [{ name: 'kms', what, measured, comparisons: [atMost(0.25, sealdrop, article)] }];
    } finally {
      await emulator.close();
    }
  });
}

export const SMALL_FILE_ROWS: readonly Row[] = [
  { name: 'start', measure: measureStart },
  { name: 'kms', measure: measureKms },
];
