/** A process that records receipts one after the other, saying each id once `record` has returned, until it is killed. */
import { openLedger } from '../../src/ledger/ledger.ts';
import { receipt } from './receipts.ts';

const [file = '', prefix = '', count = 'Infinity'] = process.argv.slice(2);
const ledger = openLedger({ file });
for (let index = 0; index < Number(count); index += 1) {
  const id = `${prefix}${index}`;
  ledger.record([receipt({ id, finished: index, wrappedKeySha256: id })]);
  process.stdout.write(`${id}\n`);
}
ledger.close();
