import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeKey, openKey, toSealdropError } from '@sealdrop/core';
import { unlessErrno } from '../spool/durable.ts';
import type { Config, LandingConfig } from './schema.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly verdict: 'ok' | 'problem';
  readonly text: string;
  readonly hint?: string | undefined;
}

const ok = (text: string): Finding => ({ verdict: 'ok', text });
const problem = (text: string, hint?: string): Finding => ({ verdict: 'problem', text, hint });

/** Looks at what the configuration names, as the user who runs it: directories, file systems, keys. Changes nothing. */
export async function checkConfig(config: Config): Promise<readonly Finding[]> {
  const spool = await checkSpool(config.spool);
  const landings = await Promise.all(config.landings.map((landing) => checkLanding(landing, config.spool)));
  const keys = await Promise.all(config.keys.map((specification) => checkKey(specification, config)));
  return [...spool, ...landings.flat(), ...keys];
}

async function checkSpool(spool: string): Promise<readonly Finding[]> {
  const status = await unlessErrno(['ENOENT'], () => stat(spool));
  if (status !== null) return [await checkDirectory(`spool ${spool}`, spool)];
  const parent = await checkDirectory(`spool ${spool}: is not there yet; its parent`, dirname(spool));
  return [parent];
}

async function checkLanding(landing: LandingConfig, spool: string): Promise<readonly Finding[]> {
  const name = `landing ${landing.name}`;
  return [
    await checkDirectory(`${name}: directory ${landing.directory}`, landing.directory),
    await checkFileSystem(`${name}: directory ${landing.directory}`, landing.directory, spool),
    await checkDirectory(`${name}: delivery ${landing.delivery}`, landing.delivery),
  ].filter((finding) => finding !== null);
}

async function checkDirectory(subject: string, directory: string): Promise<Finding> {
  try {
    if (!(await stat(directory)).isDirectory()) return problem(`${subject}: is not a directory`);
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok(`${subject}: can be read and written`);
  } catch (error) {
    const { code, message } = toSealdropError(error, subject);
    const hint =
      code === 'not-found'
        ? `Make it: mkdir -p ${directory}`
        : `Give the user who runs sealdropd (id ${process.getuid?.()}) read, write and search permission.`;
    return problem(message, hint);
  }
}

/** Claiming is renaming, and that works within one file system only. */
async function checkFileSystem(subject: string, directory: string, spool: string): Promise<Finding | null> {
  const here = await unlessErrno(['ENOENT', 'EACCES'], () => stat(directory));
  const there =
    (await unlessErrno(['ENOENT'], () => stat(spool))) ?? (await unlessErrno(['ENOENT'], () => stat(dirname(spool))));
  if (here === null || there === null) return null;
  if (here.dev === there.dev) return ok(`${subject}: is on the spool's file system`);
  return problem(
    `${subject}: is not on the file system of the spool ${spool}`,
    'Put the spool and its landings on one file system: envelopes are claimed by renaming.',
  );
}

async function checkKey(specification: string, { aws, passphraseFile }: Config): Promise<Finding> {
  try {
    const key = await openKey(specification, { aws, passphraseFile });
    const description = await describeKey(key);
    const publicKey = await key.publicKey();
    const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
    const state = description === null ? '' : `, ${description.usage}, ${description.state}`;
    return ok(`key ${key.name}: RSA, ${bits} bits${state}`);
  } catch (thrown) {
    const error = toSealdropError(thrown, specification);
    return problem(`key ${specification}: ${error.message}`, error.hint);
  }
}
