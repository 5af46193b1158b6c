import { checkClock, checkKey } from './check-keys.ts';
import { checkDelivery, checkLanding, checkSpool, checkState } from './check-directories.ts';
import { checkHook, checkWebhook } from './check-hooks.ts';
import { checkDescriptors, checkOpenFiles, checkUser, checkWatches } from './check-host.ts';
import { checkLimits } from './check-limits.ts';
import { checkOverlaps } from './check-overlaps.ts';
import { checkSignature } from './check-signature.ts';
import { doesNotAnswer, isSilent } from '../spool/answering.ts';
import { type Finding, problem } from './finding.ts';
import type { Config } from './schema.ts';

/** Looks at what the configuration names and what the host allows, as the user who runs it. Changes nothing. */
export async function checkConfig(whole: Config): Promise<readonly Finding[]> {
  const silent = await silentDirectories(whole);
  const isAmongThem = (path: string | undefined): boolean => path !== undefined && silent.includes(path);
  const unanswered = silent.map((path) => {
    const { message, hint } = doesNotAnswer(path);
    return problem(message, hint);
  });
  if (isAmongThem(whole.spool) || isAmongThem(whole.state)) return unanswered;
  const landings = whole.landings.filter(
    ({ directory, delivery }) => !isAmongThem(directory) && !isAmongThem(delivery),
  );
  return [...unanswered, ...(await checkAnswering({ ...whole, landings }))];
}

/** Whoever looks into one of these waits without end. */
async function silentDirectories({ spool, state, landings }: Config): Promise<readonly string[]> {
  const named = [spool, state ?? spool, ...landings.flatMap(({ directory, delivery }) => [directory, delivery])];
  const directories = [...new Set(named)];
  const answers = await Promise.all(directories.map((directory) => isSilent(directory)));
  return directories.filter((_, index) => answers[index] === true);
}

async function checkAnswering(config: Config): Promise<readonly Finding[]> {
  const checks: readonly Promise<readonly Finding[]>[] = [
    checkUser(),
    checkSpool(config.spool),
    checkState(config.state),
    checkOverlaps(config),
    ...config.landings.flatMap((landing) => [checkLanding(landing, config.spool), checkDelivery(landing)]),
    ...config.landings.map((landing) => checkSignature(landing)),
    ...config.keys.map((specification) => checkKey(specification, config)),
    checkClock(config),
    ...config.hooks.map((hook) => checkHook(hook)),
    ...config.webhooks.map((webhook) => checkWebhook(webhook)),
    checkOpenFiles(),
    checkDescriptors(config.concurrency),
    checkWatches(config.landings.map(({ directory }) => directory)),
  ];
  return [...(await Promise.all(checks)).flat(), ...checkLimits(config)];
}
