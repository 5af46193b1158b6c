import { type ErrorCode, errorCodes, type SealdropError } from '@sealdrop/core';
import type { ReportedDiagnosis } from '../spool/report-schema.ts';

/** Failures that need no trials to be explained, or whose members must not be read: what was said of them is all there is to say. */
const SELF_EXPLANATORY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'hostile-file',
  'stray-file',
  'incomplete-envelope',
  'ambiguous-envelope',
  'bad-name',
  'limit-exceeded',
  'collision',
  'replayed',
  'wrong-sender',
  'missing-signature',
  'bad-signature',
]);

export function explainsItself(code: ErrorCode): boolean {
  return SELF_EXPLANATORY.has(code);
}

/** Their messages hold names of members at most; those of the others may hold paths, keys or other envelopes, which are not the sender's business. */
const FIT_FOR_SENDER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'hostile-file',
  'stray-file',
  'incomplete-envelope',
  'ambiguous-envelope',
  'bad-name',
]);

const SEND_AGAIN = 'Please encrypt it again with a new key file, and send all its files in binary mode, unchanged.';

const REQUESTS: Partial<Record<ErrorCode, string>> = {
  'hostile-file': 'Please upload ordinary files, under temporary names until they are whole.',
  'stray-file': 'Please send it encrypted, with its wrapped key and its note, under names that belong together.',
  'incomplete-envelope': 'Please send all the files that belong to it again.',
  'ambiguous-envelope': 'Please send each encrypted file under a name of its own, with one wrapped key and one note.',
  'bad-name': 'Please give the file a plain name, and send it again.',
  'limit-exceeded': 'Please ask us before you send it again: it is more than we take.',
  collision: 'Please send it again under another name.',
  replayed:
    'If it was sent twice by mistake, there is nothing to do. If it is another file, please encrypt it again: each file needs a new key file.',
  'wrong-sender':
    'Please say in the manifest who you are, by the name that we agreed on (ask us for a new kit if you use ours), and send it again.',
  'missing-signature': 'Please sign the manifest with your key, and send it again.',
  'bad-signature': 'Please sign the manifest with the key whose public half we have, and send it again unchanged.',
  'implausible-plaintext':
    'If it was compressed or encrypted before, please tell us, so that we allow for it. If not, please check which key file and parameters it was encrypted with, and send it again.',
  'weak-key': 'Please make a new key file (openssl rand -base64 32 > key.bin), encrypt with that, and send it again.',
};

export interface PlainCase {
  readonly error: SealdropError;
  /** What the sender calls it. */
  readonly name: string;
  /** Why there is nothing better; null where nothing better is needed. */
  readonly unknown: string | null;
  /** The command that finds it out. */
  readonly command?: string;
}

/** What is said where no trial says more. */
export function plainDiagnosis({ error, name, unknown, command }: PlainCase): ReportedDiagnosis {
  const { message } = error;
  return {
    outcome: 'does-not-open',
    verdict: unknown === null ? 'certain' : 'none',
    sentence: [
      sentence(message),
      ...(unknown === null ? [] : [`It could not be looked into: ${unknown}.`]),
      // Last and without a full stop, as it is to be pasted.
      ...(command === undefined ? [] : [`By hand: ${command}`]),
    ].join(' '),
    falseAlarmLog2: null,
    commands: null,
    senderMessage: plainMessage(error, name),
  };
}

/** In the sender's words: what was wrong, and what to send. */
export function plainMessage({ code, message }: SealdropError, name: string): string {
  const reason = FIT_FOR_SENDER.has(code) ? message : (errorCodes.get(code)?.meaning ?? message);
  return `We could not take in ${name}, which you sent us.\n\n${sentence(reason)}\n\n${REQUESTS[code] ?? SEND_AGAIN}\n`;
}

function sentence(text: string): string {
  const capital = /^[a-z]+ /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
