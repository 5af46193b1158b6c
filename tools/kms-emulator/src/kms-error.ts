/**
 * What KMS says by default with an exception, and the HTTP status on the wire. AWS's model gives 404 and 409 to some of
 * these, but answers seen from AWS carry 400: clients must decide on `__type` alone.
 */
const EXCEPTIONS: Readonly<Record<string, { readonly status?: number; readonly message?: string }>> = {
  AccessDeniedException: {
    message:
      'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
  },
  DependencyTimeoutException: { status: 503 },
  ExpiredTokenException: { message: 'The security token included in the request is expired' },
  InternalFailure: { status: 500 },
  KeyUnavailableException: { status: 500 },
  KMSInternalException: { status: 500 },
  MissingAuthenticationTokenException: { message: 'Missing Authentication Token' },
  RequestEntityTooLargeException: { status: 413 },
  ServiceUnavailableException: { status: 503 },
  ThrottlingException: {
    message: 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  },
  UnrecognizedClientException: { message: 'The security token included in the request is invalid.' },
};

const BAD_REQUEST = 400;

/** Exceptions whose text KMS sends as `Message` with a capital. */
const CAPITAL_MESSAGE: ReadonlySet<string> = new Set(['AccessDeniedException']);

/** An exception as KMS answers it. */
export class KmsError extends Error {
  override readonly name = 'KmsError';
  readonly type: string;
  readonly status: number;

  /** Without `message` the answer has the exception's usual text, or no message member, as `InvalidCiphertextException`. */
  constructor(type: string, message?: string, status?: number) {
    const defaults = Object.hasOwn(EXCEPTIONS, type) ? EXCEPTIONS[type] : undefined;
    super(message ?? defaults?.message ?? '');
    this.type = type;
    this.status = status ?? defaults?.status ?? BAD_REQUEST;
  }

  /** The answer's JSON body. */
  toJSON(): Readonly<Record<string, string>> {
    if (this.message === '') return { __type: this.type };
    if (CAPITAL_MESSAGE.has(this.type)) return { __type: this.type, Message: this.message };
    return { __type: this.type, message: this.message };
  }
}

/** A request member that breaks a constraint of KMS's model, worded as KMS does. */
export function validationError(subject: string, constraint: string): KmsError {
  return new KmsError(
    'ValidationException',
    `1 validation error detected: Value ${subject} failed to satisfy constraint: ${constraint}`,
  );
}
