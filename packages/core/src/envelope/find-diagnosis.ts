/**
 * Why an envelope does not open, and how it does: the wrapped key is unwrapped, and then likely mistakes are undone one after the other on the
 * payload's beginning and end, until the evidence (evidence.ts) is conclusive.
 */
import type { SealdropError } from '../errors.ts';
import { toSealdropError } from '../errors.ts';
import type { KeyProvider } from '../keys/key-provider.ts';
import { publicKeyFingerprint } from '../keys/public-key.ts';
import { readPassphrase } from '../openssl/passphrase.ts';
import type { EncParameters, PassphraseRule } from '../openssl/parameters.ts';
import type { ReadPassphrase } from './candidates.ts';
import { concludeWithoutKey, concludeWithoutTrial } from './conclude-closed.ts';
import { concludeFromSearch } from './conclude.ts';
import { DerivedKeys } from './derived-keys.ts';
import { readFacts } from './diagnosis-facts.ts';
import type { DiagnosisFacts, StatementOptions } from './diagnosis-facts.ts';
import { repairOf } from './diagnosis-case.ts';
import type { OpenCase } from './diagnosis-case.ts';
import { verdictOf } from './evidence.ts';
import { sizeFault, verificationFault } from './manifest-fault.ts';
import type { Diagnosis } from './diagnosis.ts';
import { describeForeignPayload, describeUselessPayload } from './foreign-payload.ts';
import { KEY_FILE_READINGS, keyFileReading, rereadKeyFile } from './key-file-readings.ts';
import type { EnvelopeMembers } from './naming.ts';
import { payloadVariants } from './payload-variants.ts';
import { searchCandidates } from './search-candidates.ts';
import type { RatedCandidate } from './search-candidates.ts';
import { searchUnwrapping, worstFault } from './unwrap-search.ts';

/** `DiagnoseOptions` with nothing left open. */
export interface FindOptions extends StatementOptions {
  readonly keys: readonly KeyProvider[];
  readonly budget: number;
  readonly failure?: SealdropError | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** For what looks like something else than a payload: without a salt, any bytes may be one. */
const FOREIGN_BUDGET = 200_000;

/** As `diagnoseEnvelope`. */
export async function findDiagnosis(members: EnvelopeMembers, options: FindOptions): Promise<Diagnosis> {
  const facts = await readFacts(members, options);
  const plain = describePlainFault(facts);
  if (plain !== null) return concludeWithoutTrial({ members, facts }, [plain]);
  const wrongSize = sizeFault(facts);
  if (wrongSize !== null) return concludeWithoutTrial({ members, facts }, [wrongSize.message, wrongSize.hint ?? '']);
  const { keys, failure, signal } = options;
  const { found, calls, faults, extent } = await searchUnwrapping(facts.wrappedKey, {
    keys,
    stated: facts.statement.oaepCandidates,
    file: facts.wrappedKeyPath,
    refusal: failure?.code === 'unwrap-failed' && facts.order === 'as-named' ? failure : null,
    signal,
  });
  if (found !== null) return tryPayload({ members, facts, calls, found }, options);
  const fault = worstFault(faults);
  if (fault.blame !== 'sender') throw fault;
  return concludeWithoutKey({ members, facts, calls }, { fault, extent, foreign: await isForOthers(facts, keys) });
}

/** What shows without a key. */
function describePlainFault({ isSameFileTwice, payload, statement }: DiagnosisFacts): string | null {
  if (isSameFileTwice) return 'payload and wrapped key are the same file: one of the two was sent twice';
  return describeUselessPayload(payload, statement.parameters);
}

/** With the evidence for a candidate, the manifest has its say; without any, it would only say that something is wrong. */
async function manifestFault(
  matter: OpenCase,
  best: RatedCandidate | null,
  signal: AbortSignal | undefined,
): Promise<SealdropError | null> {
  if (best === null || verdictOf(best.bits) === 'none') return null;
  return verificationFault(matter.facts, best, { size: repairOf(matter, best).payloadSize, signal });
}

async function tryPayload(matter: OpenCase, options: FindOptions): Promise<Diagnosis> {
  const { facts, found } = matter;
  const { signal, budget } = options;
  const stated = facts.statement.parameters;
  const isForeign = describeForeignPayload(facts.payload) !== null;
  const derived = new DerivedKeys(isForeign ? Math.min(budget, FOREIGN_BUDGET) : budget);
  const { secrets, fault } = readSecrets(found.keyFile, stated);
  try {
    const { variants, armorFault } = await payloadVariants(facts.payload, { path: facts.payloadPath, stated, signal });
    const search = await searchCandidates({ stated, secrets, variants, keys: derived, signal });
    const tried = {
      search,
      secrets,
      keyFileFault: fault,
      armorFault,
      manifestFault: await manifestFault(matter, search.best, signal),
    };
    return concludeFromSearch({ ...matter, iterations: derived.spent }, tried);
  } finally {
    derived.dispose();
    found.keyFile.fill(0);
    for (const { passphrase } of secrets) passphrase.fill(0);
  }
}

interface Secrets {
  readonly secrets: readonly ReadPassphrase[];
  /** Why the key file cannot be read as it is; null when it can. */
  readonly fault: SealdropError | null;
}

const RULES: readonly PassphraseRule[] = ['file', 'argument', 'kfile'];

/** Each passphrase once, the stated reading first. */
function readSecrets(keyFile: Buffer, stated: EncParameters): Secrets {
  if (stated.keyDerivation.method === 'raw-key') {
    const whole = { reading: 'as-sent', rule: 'file', passphrase: Buffer.from(keyFile), isHabit: false } as const;
    return { secrets: [whole], fault: null };
  }
  const { passphraseRule } = stated;
  const attempts = [
    ...KEY_FILE_READINGS.map((reading) => ({ reading, rule: passphraseRule })),
    ...RULES.map((rule) => ({ reading: 'as-sent' as const, rule })),
  ];
  const secrets = new Map<string, ReadPassphrase>();
  let fault: SealdropError | null = null;
  for (const attempt of attempts) {
    const reread = rereadKeyFile(keyFile, attempt.reading);
    if (reread === null) continue;
    try {
      const passphrase = readPassphrase(reread, attempt.rule);
      const id = passphrase.toString('hex');
      const isHabit = keyFileReading(attempt.reading).isHabit(keyFile);
      if (!secrets.has(id)) secrets.set(id, { ...attempt, passphrase, isHabit });
    } catch (error) {
      if (attempt.reading === 'as-sent' && attempt.rule === passphraseRule) fault = toSealdropError(error);
    }
  }
  return { secrets: [...secrets.values()], fault };
}

/** Whether the manifest names a public key that is none of these; false when it names none, or they cannot all be asked. */
async function isForOthers({ statement }: DiagnosisFacts, keys: readonly KeyProvider[]): Promise<boolean> {
  const wanted = statement.manifest?.key.publicKeySha256;
  if (wanted === undefined) return false;
  const fingerprints = await Promise.all(
    keys.map((key) =>
      key
        .publicKey()
        .then(publicKeyFingerprint)
        .catch(() => wanted),
    ),
  );
  return !fingerprints.includes(wanted);
}
