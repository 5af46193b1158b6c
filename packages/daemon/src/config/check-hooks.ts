import { X509Certificate } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { SealdropError, toSealdropError } from '@sealdrop/core';
import { readWebhookSecret } from '../operations/webhook.ts';
import { type Finding, ok, problem } from './finding.ts';
import type { Config } from './schema.ts';

/** Whether the program of a hook can be run; it is not run. */
export async function checkHook({ name, command }: Config['hooks'][number]): Promise<readonly Finding[]> {
  const [program = ''] = command;
  try {
    if (!(await stat(program)).isFile()) return [problem(`hook ${name}: ${program} is not a file`)];
    await access(program, constants.X_OK);
    return [ok(`hook ${name}: ${program} can be run`)];
  } catch (error) {
    const { code, message } = toSealdropError(error, program);
    const hint = code === 'not-permitted' ? `Make it executable: chmod +x ${program}` : undefined;
    return [problem(`hook ${name}: ${message}`, hint)];
  }
}

/** Whether requests can be signed and answers trusted; none is sent. */
export async function checkWebhook(webhook: Config['webhooks'][number]): Promise<readonly Finding[]> {
  const { name, url, secretFile, authorityFile } = webhook;
  try {
    await readWebhookSecret(secretFile);
    if (authorityFile !== undefined) await readCertificates(authorityFile);
    return [ok(`webhook ${name}: requests to ${new URL(url).host} can be signed`)];
  } catch (thrown) {
    const { message, hint } = toSealdropError(thrown, secretFile);
    return [problem(`webhook ${name}: ${message}`, hint)];
  }
}

async function readCertificates(file: string): Promise<void> {
  const pem = await readFile(file).catch((error: unknown) => {
    throw toSealdropError(error, file);
  });
  try {
    void new X509Certificate(pem);
  } catch {
    throw new SealdropError('bad-configuration', `${file}: holds no PEM certificate`, {
      hint: 'It must begin with -----BEGIN CERTIFICATE-----.',
    });
  }
}
