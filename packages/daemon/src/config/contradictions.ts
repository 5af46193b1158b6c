import { parseFlags, toSealdropError } from '@sealdrop/core';
import { parseWebhookUrl } from '../operations/webhook.ts';
import { isFileKey } from './key-kind.ts';
import type { Problem } from './load.ts';
import { overlaps } from './overlaps.ts';
import type { Config, LandingConfig } from './schema.ts';

/**
 * What each setting alone cannot show: landings that overlap each other, the spool or a delivery directory, flags that openssl would refuse, what no
 * envelope could ever be opened with. All of it is found here and not at the first envelope, whose sender would take the blame.
 */
export function contradictions(config: Config): readonly Problem[] {
  const ofLandings = config.landings.flatMap((landing, index) => [
    ...flagProblems(landing, index),
    ...oaepProblems(config, landing, index),
  ]);
  return [...sameNames(config), ...overlaps(config), ...ofLandings, ...hookProblems(config)];
}

function sameNames({ landings }: Config): readonly Problem[] {
  return landings.flatMap(({ name }, index) =>
    landings.slice(0, index).some((other) => other.name === name)
      ? [{ path: ['landings', index, 'name'], message: `another landing is named ${name} too` }]
      : [],
  );
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
