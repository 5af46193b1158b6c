import { parseFlags, toSealdropError } from '@sealdrop/core';
import { parseWebhookUrl } from '../operations/webhook.ts';
import { isFileKey } from './key-kind.ts';
import type { Problem } from './load.ts';
import type { Config, LandingConfig } from './schema.ts';

/**
 * What each setting alone cannot show: landings that overlap each other, the spool or a delivery directory, flags that openssl would refuse, what no
 * envelope could ever be opened with. All of it is found here and not at the first envelope, whose sender would take the blame.
 */
export function contradictions(config: Config): readonly Problem[] {
  const ofLandings = config.landings.flatMap((landing, index) => [
    ...againstOthers(config, landing, index),
    ...againstSpool(config, landing, index),
    ...flagProblems(landing, index),
    ...oaepProblems(config, landing, index),
  ]);
  return [...ofLandings, ...hookProblems(config)];
}

function againstOthers(config: Config, landing: LandingConfig, index: number): readonly Problem[] {
  const problems: Problem[] = [];
  const earlier = config.landings.slice(0, index);
  if (earlier.some((other) => other.name === landing.name)) {
    problems.push({ path: ['landings', index, 'name'], message: `another landing is named ${landing.name} too` });
  }
  const overlapping = earlier.find((other) => overlaps(other.directory, landing.directory));
  if (overlapping !== undefined) {
    const message = `lies within the landing ${overlapping.name}, or the other way round; give each its own directory`;
    problems.push({ path: ['landings', index, 'directory'], message });
  }
  const exposed = config.landings.find((other) => isWithin(landing.delivery, other.directory));
  if (exposed !== undefined) {
    const message = `lies within the landing ${exposed.name}, where the sender could reach the plaintext`;
    problems.push({ path: ['landings', index, 'delivery'], message });
  }
  return problems;
}

function againstSpool(config: Config, landing: LandingConfig, index: number): readonly Problem[] {
  const problems: Problem[] = [];
  if (overlaps(config.spool, landing.directory)) {
    const message = 'overlaps the spool; keep the two apart, on the same file system';
    problems.push({ path: ['landings', index, 'directory'], message });
  }
  if (overlaps(config.spool, landing.delivery)) {
    problems.push({ path: ['landings', index, 'delivery'], message: 'overlaps the spool; keep the two apart' });
  }
  return problems;
}

function flagProblems(landing: LandingConfig, index: number): readonly Problem[] {
  if (landing.parameters === undefined) return [];
  const problem = (message: string): Problem => ({ path: ['landings', index, 'parameters'], message });
  try {
    const { keyDerivation } = parseFlags(landing.parameters);
    if (keyDerivation.method !== 'pbkdf2' || keyDerivation.iterations <= landing.maximumIterations) return [];
    return [problem(`has more iterations than maximumIterations (${landing.maximumIterations}) allows`)];
  } catch (error) {
    return [problem(toSealdropError(error).message)];
  }
}

/** AWS KMS Developer Guide, "RSA key specs for encryption": OAEP with SHA-1 or SHA-256 only. */
function oaepProblems({ keys }: Config, { oaep }: LandingConfig, index: number): readonly Problem[] {
  const key = keys.find((specification) => !isFileKey(specification));
  if (oaep === undefined || oaep === 'sha1' || oaep === 'sha256' || key === undefined) return [];
  const message = `AWS KMS can do sha1 and sha256 only, so the key ${key} opens nothing; leave oaep out`;
  return [{ path: ['landings', index, 'oaep'], message }];
}

function hookProblems({ hooks, webhooks }: Config): readonly Problem[] {
  const named = [
    ...hooks.map(({ name }, index) => ({ name, path: ['hooks', index, 'name'] })),
    ...webhooks.map(({ name }, index) => ({ name, path: ['webhooks', index, 'name'] })),
  ];
  const twice = named.filter(({ name }, index) => named.findIndex((other) => other.name === name) < index);
  const badUrls = webhooks.flatMap(({ url }, index) => {
    const message = urlProblem(url);
    return message === null ? [] : [{ path: ['webhooks', index, 'url'], message }];
  });
  return [...twice.map(({ name, path }) => ({ path, message: `another hook is named ${name} too` })), ...badUrls];
}

function urlProblem(url: string): string | null {
  try {
    parseWebhookUrl(url);
    return null;
  } catch (thrown) {
    const { message, hint } = toSealdropError(thrown);
    return hint === undefined ? message : `${message}; ${hint}`;
  }
}

function overlaps(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`);
}
