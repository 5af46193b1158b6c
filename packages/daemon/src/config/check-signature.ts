import type { KeyObject } from 'node:crypto';
import { toSealdropError } from '@sealdrop/core';
import { loadSignerKey } from '../processing/opening.ts';
import { type Finding, ok, problem } from './finding.ts';
import type { LandingConfig } from './schema.ts';

/** Reads the public keys that a landing's signatures are verified with. */
export async function checkSignature({ name, signature }: LandingConfig): Promise<readonly Finding[]> {
  return Promise.all((signature?.publicKeys ?? []).map((path) => checkSignerKey(name, path)));
}

async function checkSignerKey(landing: string, path: string): Promise<Finding> {
  const about = `landing ${landing}: signature ${path}`;
  try {
    return ok(`${about}: ${describe(await loadSignerKey(path))}`);
  } catch (thrown) {
    const { message, hint } = toSealdropError(thrown, path);
    return problem(`${about}: ${message.replace(`${path}: `, '')}`, hint);
  }
}

function describe({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const { modulusLength, namedCurve } = asymmetricKeyDetails ?? {};
  const size = modulusLength === undefined ? namedCurve : `${modulusLength} bits`;
  return [asymmetricKeyType?.toUpperCase(), size].filter((part) => part !== undefined).join(', ');
}
