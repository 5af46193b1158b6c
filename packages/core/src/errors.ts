/**
 * Who must act before the same call can succeed (DESIGN section 6).
 * - `sender`: the envelope itself is bad; trying again cannot help.
 * - `receiver`: the operator's configuration, key or directory is at fault; it succeeds once mended.
 * - `passing`: outage, throttling, a full disk; the same call may succeed later.
 */
export type Blame = 'sender' | 'receiver' | 'passing';

/** The closed list of failures: code, who is to blame, and what it means. Adding one is a minor, removing one a major change. */
const ERROR_TABLE = {
  'unwrap-failed': ['sender', 'the wrapped key does not open with any of the keys and OAEP hashes tried'],
  'bad-wrapped-key': [
    'sender',
    'the wrapped key file is not an RSA ciphertext of the right length, nor base64 text of one',
  ],
  'bad-key-file': [
    'sender',
    'the unwrapped key file cannot be read as a passphrase: empty, too large, or begins with a NUL byte',
  ],
  'weak-key': ['sender', 'the passphrase is shorter than the smallest one accepted'],
  'bad-header': ['sender', 'the payload does not begin with the Salted__ header that the parameters call for'],
  'bad-armor': ['sender', 'the payload is not the base64 text that the parameters call for'],
  'bad-decrypt': ['sender', 'wrong key or parameters, or a damaged end: the padding of the last block is wrong'],
  'truncated-payload': ['sender', 'the payload is shorter than it was made, or not a whole number of cipher blocks'],
  'oversized-payload': ['sender', 'the payload has bytes after its end'],
  'payload-changed': ['sender', 'the payload is not the one that the manifest vouches for'],
  'wrong-key': ['sender', 'the payload is intact, but was encrypted under another key than the wrapped one'],
  'implausible-plaintext': [
    'sender',
    'the plaintext looks like noise, as a wrong key makes it, or the ciphertext repeats itself; and nothing vouches for it',
  ],
  'bad-signature': ['sender', 'the signature of the manifest is by none of the public keys, or binds no payload'],
  'missing-signature': ['sender', 'the envelope has no signature where one is required'],
  'wrong-sender': ['sender', 'the manifest names another sender than the one it is expected from'],
  replayed: ['sender', 'an envelope with the same wrapped key was delivered before'],
  'swapped-members': ['sender', 'the payload and the wrapped key are exchanged, or are the same file'],
  'unknown-cipher': ['sender', 'no cipher of openssl enc has this name'],
  'unsupported-cipher': ['sender', 'a known cipher that cannot be used here'],
  'bad-parameters': ['sender', 'the openssl flags cannot be understood or contradict each other'],
  'bad-note': ['sender', 'the algorithm note cannot be understood'],
  'bad-manifest': ['sender', 'the manifest is not valid'],
  'limit-exceeded': ['sender', 'a number or size is above the limit set against abuse'],
  'incomplete-envelope': ['sender', 'a member of the envelope is missing'],
  'ambiguous-envelope': ['sender', 'more than one file could play the same part in the envelope'],
  'bad-name': ['sender', 'a file name that cannot be used for the plaintext'],
  'stray-file': ['sender', 'a file that belongs to no envelope'],
  'hostile-file': ['sender', 'a member is a link, a device, a directory, or changed while it was read'],
  'unsupported-oaep': ['sender', 'the key provider cannot do the OAEP parameters that the envelope was wrapped with'],
  collision: ['sender', 'a file already has the final name of the plaintext'],
  'already-exists': ['receiver', 'the output exists and was not to be replaced'],
  'not-found': ['receiver', 'no such file or directory'],
  'not-permitted': ['receiver', 'the operating system refuses access to a file or directory'],
  'cannot-create': ['receiver', 'the output cannot be created'],
  usage: ['receiver', 'the command or call was given wrong arguments'],
  'bad-configuration': ['receiver', 'the configuration is not valid'],
  'bad-ledger': ['receiver', 'the ledger of receipts is damaged, or was made by another version of Sealdrop'],
  'bad-private-key': ['receiver', 'the local private key cannot be read or is not an RSA key'],
  'bad-public-key': ['receiver', 'the public key cannot be read or is not an RSA key'],
  'no-region': ['receiver', 'no AWS region is set'],
  'no-credentials': ['receiver', 'no AWS credentials were found'],
  'bad-credentials': ['receiver', 'AWS does not accept the credentials'],
  'expired-credentials': ['receiver', 'the AWS credentials have expired'],
  'access-denied': ['receiver', 'AWS KMS denies the use of the key'],
  'key-not-found': ['receiver', 'AWS KMS knows no such key in this region and account'],
  'key-disabled': ['receiver', 'the KMS key is disabled, pending deletion or otherwise not usable'],
  'wrong-key-usage': ['receiver', 'the KMS key is not an RSA key for encryption and decryption'],
  'kms-throttled': ['passing', 'AWS KMS asks to slow down'],
  'kms-unreachable': ['passing', 'no connection to AWS KMS, or no answer within the time limit'],
  'kms-unavailable': ['passing', 'AWS KMS answers that it cannot serve the request now'],
  'disk-full': ['passing', 'no space left, or a quota is reached'],
  'io-error': ['passing', 'the operating system reports a read or write error'],
  cancelled: ['passing', 'the work was interrupted before it was done'],
  internal: ['receiver', 'a fault in Sealdrop itself'],
} as const satisfies Record<string, readonly [Blame, string]>;

/** A stable name of a failure, safe to switch on. */
export type ErrorCode = keyof typeof ERROR_TABLE;

/** Every code with its blame and meaning, for documentation and for tables that must be total. */
export const errorCodes: ReadonlyMap<ErrorCode, { readonly blame: Blame; readonly meaning: string }> = new Map(
  (Object.keys(ERROR_TABLE) as ErrorCode[]).map((code) => {
    const [blame, meaning] = ERROR_TABLE[code];
    return [code, { blame, meaning }];
  }),
);

export interface SealdropErrorOptions {
  /** What to do about it: one sentence, or absent when there is nothing useful to say. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** Facts for machines: file, offset, expected and actual sizes. Never key material or plaintext. */
  readonly details?: Readonly<Record<string, string | number>> | undefined;
}

/** The one error class of Sealdrop: `message` states the fact in one line, `hint` the cure. */
export class SealdropError extends Error {
  override readonly name = 'SealdropError';
  readonly code: ErrorCode;
  readonly blame: Blame;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: ErrorCode, message: string, options: SealdropErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.blame = ERROR_TABLE[code][0];
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

/** The same error with the file or thing it is about before its message: what is deep inside knows the fault, not the file. */
export function aboutSubject(error: SealdropError, subject: string): SealdropError {
  if (error.message.includes(subject)) return error;
  const { hint, details, cause } = error;
  return new SealdropError(error.code, `${subject}: ${error.message}`, { hint, details, cause: cause ?? error });
}

/** POSIX errno names of which the code is known; all others are `io-error`. */
const ERRNO_CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  EACCES: 'not-permitted',
  EPERM: 'not-permitted',
  EROFS: 'not-permitted',
  EEXIST: 'already-exists',
  ENOTEMPTY: 'already-exists',
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  ELOOP: 'hostile-file',
};

const ERRNO_MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'is a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  EEXIST: 'already exists',
  ENOTEMPTY: 'already exists and is not empty',
  ENOSPC: 'no space left on device',
  EDQUOT: 'disk quota exceeded',
  ELOOP: 'is a symbolic link',
};

/** What to do about it; for the others the meaning says enough. */
const ERRNO_HINTS: Readonly<Record<string, string>> = {
  EACCES: 'Check the owner and the permissions of it and of the directories above it.',
  EROFS: 'Remount its file system for writing; the kernel log (dmesg) says why it turned read-only.',
  ENOSPC: 'Make room on its file system (df -h; df -i counts inodes).',
  EDQUOT: 'Make room, or raise the disk quota.',
};

/** A failed system call of Node's: `code` is the errno's name. */
function isSystemError(error: Error): error is NodeJS.ErrnoException & { code: string } {
  return 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

function fromSystemError(error: NodeJS.ErrnoException & { code: string }, subject: string | undefined): SealdropError {
  const where = subject ?? error.path ?? error.syscall ?? 'system call';
  const meaning = ERRNO_MEANINGS[error.code] ?? error.code;
  const hint = ERRNO_HINTS[error.code];
  return new SealdropError(ERRNO_CODES[error.code] ?? 'io-error', `${where}: ${meaning}`, { hint, cause: error });
}

/**
 * Turns any thrown value into a `SealdropError`: itself when it is one, by errno when it comes from the operating
 * system, `cancelled` for an abort, `internal` else. `subject` (a file name) is named in the message.
 */
export function toSealdropError(error: unknown, subject?: string): SealdropError {
  if (error instanceof SealdropError) return error;
  if (!(error instanceof Error)) return new SealdropError('internal', `unexpected: ${String(error)}`, { cause: error });
  if (error.name === 'AbortError') return new SealdropError('cancelled', 'interrupted', { cause: error });
  if (isSystemError(error)) return fromSystemError(error, subject);
  return new SealdropError('internal', `unexpected: ${error.message}`, { cause: error });
}
