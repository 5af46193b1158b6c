import type { EnvelopeSource, OpenedEnvelope, OpenOptions } from '@sealdrop/core';
import type { CommandContext } from './command.ts';
import { envelopeBaseName, envelopeLabel, isMember, plaintextPath } from './destination.ts';
import type { Destination } from './destination.ts';
import { refuseKeyInUse } from './keys-in-use.ts';
import { formatBytes } from './quantities.ts';
import { openByDiagnosis } from './repair-envelope.ts';
import { writeStandardOutput } from './standard-streams.ts';

export interface DecryptSettings {
  readonly open: OpenOptions;
  readonly destination: Destination;
  readonly existing: 'refuse' | 'replace';
  /** Whether an envelope that does not open is opened as a diagnosis says, where that is certain. */
  readonly repair: 'off' | 'certain';
  /** What even --force does not overwrite: the keys that this call works with. */
  readonly keyFiles: readonly string[];
  /** Paths written in this call so far: even --force does not let one plaintext replace another of the same call. */
  readonly written: Set<string>;
}

interface Work {
  readonly source: EnvelopeSource;
  readonly opened: OpenedEnvelope;
  readonly settings: DecryptSettings;
  readonly context: CommandContext;
}

async function checkPath(path: string, { source, settings }: Work): Promise<void> {
  const { SealdropError } = await import('@sealdrop/core');
  await refuseKeyInUse(path, settings.keyFiles);
  if (isMember(path, source)) {
    throw new SealdropError('collision', `${path}: the plaintext would replace a file of the envelope itself`, {
      hint: 'give another name: --output FILE',
    });
  }
  if (settings.written.has(path)) {
    throw new SealdropError('collision', `${path}: another envelope of this call has just been decrypted to it`, {
      hint: 'decrypt the two one by one, each with its own --output',
    });
  }
}

interface Outcome {
  /** Null for standard output. */
  readonly path: string | null;
  /** Bytes. */
  readonly size: number;
}

async function writeFile(work: Work, path: string, onProgress: (bytes: number) => void): Promise<Outcome> {
  const { createOutputFile } = await import('@sealdrop/core');
  const { signal } = work.context;
  await checkPath(path, work);
  let size = 0;
  await createOutputFile(path, work.settings.existing, async (temporaryPath) => {
    ({ size } = await work.opened.writePlaintext(temporaryPath, { signal, onProgress }));
  });
  work.settings.written.add(path);
  return { path, size };
}

async function writeStream({ opened, context }: Work, onProgress: (bytes: number) => void): Promise<Outcome> {
  const { signal } = context;
  let size = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of opened.plaintext({ signal, onProgress })) {
      size += chunk.length;
      yield chunk;
    }
  }
  await writeStandardOutput(counted());
  return { path: null, size };
}

async function write(work: Work): Promise<Outcome> {
  const { source, opened, settings, context } = work;
  const progress = await context.terminal.progress(envelopeBaseName(source), opened.payloadSize);
  try {
    if (settings.destination.kind === 'stdout') return await writeStream(work, progress.update);
    return await writeFile(work, plaintextPath(settings.destination, source, opened), progress.update);
  } finally {
    progress.stop();
  }
}

/** Who signed it is known only where somebody asked for it. */
function saySigner({ opened, context }: Work): void {
  if (opened.signedBy === null) return;
  context.terminal.say(`  signed by the key with SHA-256 fingerprint ${opened.signedBy}`, 'good');
}

/** openssl enc protects no data against change, so that success alone says little: what vouches for it is said each time. */
function sayVerification({ opened, context }: Work): void {
  if (opened.verification === 'manifest-mac') {
    context.terminal.say(
      "  verified: the manifest's MAC shows that key, parameters, name and data are as they were sealed",
      'good',
    );
    return;
  }
  context.terminal.say(
    '  not verified: no manifest vouches for it, and openssl enc itself cannot detect changed data',
    'caution',
  );
}

async function tell(work: Work, { path, size }: Outcome): Promise<void> {
  const { formatFlags, formatOaep } = await import('@sealdrop/core');
  const { source, opened, context } = work;
  const envelope = envelopeLabel(source);
  context.terminal.say(`${envelope} -> ${path ?? 'standard output'} (${formatBytes(size)})`);
  for (const repair of opened.repairs) context.terminal.say(`  repaired: ${repair}`, 'caution');
  sayVerification(work);
  saySigner(work);
  context.terminal.report({
    envelope,
    output: path,
    plaintextName: opened.plaintextName,
    plaintextSize: size,
    parameters: formatFlags(opened.parameters),
    oaep: formatOaep(opened.oaep),
    key: opened.keyName,
    verification: opened.verification,
    signedBy: opened.signedBy,
    repairs: opened.repairs,
  });
}

async function writeAndClose(opened: OpenedEnvelope, rest: Omit<Work, 'opened'>): Promise<void> {
  try {
    const work = { ...rest, opened };
    await tell(work, await write(work));
  } finally {
    opened.dispose();
  }
}

/** Opens one envelope, writes its plaintext where it belongs, and tells of it. */
export async function decryptEnvelope(
  source: EnvelopeSource,
  settings: DecryptSettings,
  context: CommandContext,
): Promise<void> {
  const { openEnvelope } = await import('@sealdrop/core');
  const rest = { source, settings, context };
  try {
    await writeAndClose(await openEnvelope(source, settings.open), rest);
  } catch (error) {
    const repaired = settings.repair === 'off' ? null : await openByDiagnosis(error, source, settings.open);
    if (repaired === null) throw error;
    await writeAndClose(repaired, rest);
  }
}
