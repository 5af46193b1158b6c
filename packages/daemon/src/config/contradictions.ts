import { parseFlags, toSealdropError } from '@sealdrop/core';
import type { Problem } from './load.ts';
import type { Config, LandingConfig } from './schema.ts';

/** What each setting alone cannot show: landings that overlap each other, the spool or a delivery directory, flags that openssl would refuse. */
export function contradictions(config: Config): readonly Problem[] {
  return config.landings.flatMap((landing, index) => [
    ...againstOthers(config, landing, index),
    ...againstSpool(config, landing, index),
    ...flagProblems(landing, index),
  ]);
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
  try {
    parseFlags(landing.parameters);
    return [];
  } catch (error) {
    return [{ path: ['landings', index, 'parameters'], message: toSealdropError(error).message }];
  }
}

function overlaps(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`);
}
