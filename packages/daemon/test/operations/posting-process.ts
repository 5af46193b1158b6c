/** A process that posts events for a command that ends after it does, saying each id once `post` has resolved, until it is killed. */
import { commandTarget } from '../../src/operations/hooks.ts';
import { Outbox } from '../../src/operations/outbox.ts';
import type { EnvelopeEvent } from '../../src/operations/envelope-event.ts';

const [directory = '', template = ''] = process.argv.slice(2);
const outbox = await Outbox.open({
  directory,
  targets: [
    commandTarget({
      name: 'receiver',
      command: ['/usr/bin/tail', `--pid=${process.pid}`, '-f', '/dev/null'],
      events: ['delivered'],
    }),
  ],
  retryDelay: () => 1000,
  giveUpAfter: 60_000,
  onResult: () => {},
});
for (let index = 0; ; index += 1) {
  const event: EnvelopeEvent = { ...(JSON.parse(template) as EnvelopeEvent), id: `event-${index}` };
  await outbox.post(event);
  process.stdout.write(`${event.id}\n`);
}
