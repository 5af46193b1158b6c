import { errorCodes, SealdropError, toSealdropError, type ErrorCode } from '../errors.ts';

/** What was asked of KMS, for messages and hints. */
export interface KmsCall {
  /** `Decrypt`, `GetPublicKey`, `DescribeKey`; the IAM action is `kms:` and this. */
  readonly operation: string;
  /** The provider's name. */
  readonly keyName: string;
  /** As AWS takes it. */
  readonly keyId: string;
}

type Row = readonly [code: ErrorCode, hint: (call: KmsCall) => string];

const usableKey: Row[1] = ({ keyId }) => `enable ${keyId} in AWS KMS, or cancel its deletion, or use another key`;
const rsaKey: Row[1] = ({ keyId }) => `${keyId} must be an RSA key with key usage ENCRYPT_DECRYPT`;
const rightKey: Row[1] = () =>
  'it was wrapped for another public key, with another OAEP hash, or it is damaged: send the public key again';
const rightPlace: Row[1] = ({ keyId }) =>
  `check the spelling of ${keyId}, and that region and account are the ones that it was made in`;
const permission: Row[1] = ({ operation, keyId }) =>
  `allow kms:${operation} on ${keyId} in the key policy or in the IAM policy of the caller`;
const slowDown: Row[1] = () => 'it passes by itself; if it comes often, ask AWS for a higher KMS request quota';
const tryLater: Row[1] = () => 'it passes by itself; otherwise look at the AWS Health Dashboard';
const validCredentials: Row[1] = () =>
  'check the access key and its secret, and try them with: aws sts get-caller-identity';
const rightClock: Row[1] = () =>
  "check the secret access key, the region, and that this machine's clock is right (AWS refuses more than 5 minutes)";
const freshCredentials: Row[1] = () =>
  'get fresh credentials, or use a source that renews them (a role, credential_process)';
const someCredentials: Row[1] = () =>
  'give credentials: an instance role, a profile (AWS_PROFILE), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; try them with: aws sts get-caller-identity';
const validRequest: Row[1] = ({ keyId }) => `check ${keyId}, the region and the endpoint`;
const network: Row[1] = () => 'check network, DNS, proxy, the region and the endpoint';
const noMixedEndpoint: Row[1] = () => 'FIPS and dual-stack cannot be combined with an endpoint of your own';

/**
 * By exception name, never by HTTP status: real KMS answers 400 where its model says 404 or 409. Sources: AWS's service
 * model of TrentService (errors of Decrypt, GetPublicKey, DescribeKey), "Common errors" of the AWS KMS API Reference, and
 * the names that SDKs and AWS STS use for the same.
 */
const EXCEPTIONS: Readonly<Record<string, Row>> = {
  InvalidCiphertextException: ['unwrap-failed', rightKey],
  IncorrectKeyException: ['unwrap-failed', rightKey],
  InvalidKeyUsageException: ['wrong-key-usage', rsaKey],
  UnsupportedOperationException: ['wrong-key-usage', rsaKey],
  DisabledException: ['key-disabled', usableKey],
  KMSInvalidStateException: ['key-disabled', usableKey],
  NotFoundException: ['key-not-found', rightPlace],
  InvalidArnException: ['key-not-found', rightPlace],
  AccessDeniedException: ['access-denied', permission],
  AccessDenied: ['access-denied', permission],
  InvalidGrantTokenException: ['access-denied', permission],
  OptInRequired: ['access-denied', permission],
  NotAuthorized: ['access-denied', permission],
  ThrottlingException: ['kms-throttled', slowDown],
  Throttling: ['kms-throttled', slowDown],
  ThrottledException: ['kms-throttled', slowDown],
  RequestThrottled: ['kms-throttled', slowDown],
  RequestThrottledException: ['kms-throttled', slowDown],
  RequestLimitExceeded: ['kms-throttled', slowDown],
  TooManyRequestsException: ['kms-throttled', slowDown],
  LimitExceededException: ['kms-throttled', slowDown],
  KeyUnavailableException: ['kms-unavailable', tryLater],
  KMSInternalException: ['kms-unavailable', tryLater],
  DependencyTimeoutException: ['kms-unavailable', tryLater],
  InternalFailure: ['kms-unavailable', tryLater],
  InternalServerError: ['kms-unavailable', tryLater],
  ServiceUnavailable: ['kms-unavailable', tryLater],
  ServiceUnavailableException: ['kms-unavailable', tryLater],
  RequestTimeout: ['kms-unreachable', network],
  RequestTimeoutException: ['kms-unreachable', network],
  TimeoutError: ['kms-unreachable', network],
  UnrecognizedClientException: ['bad-credentials', validCredentials],
  InvalidClientTokenId: ['bad-credentials', validCredentials],
  MissingAuthenticationToken: ['bad-credentials', validCredentials],
  MissingAuthenticationTokenException: ['bad-credentials', validCredentials],
  IncompleteSignature: ['bad-credentials', validCredentials],
  IncompleteSignatureException: ['bad-credentials', validCredentials],
  InvalidIdentityToken: ['bad-credentials', validCredentials],
  InvalidIdentityTokenException: ['bad-credentials', validCredentials],
  SignatureDoesNotMatch: ['bad-credentials', rightClock],
  InvalidSignatureException: ['bad-credentials', rightClock],
  RequestExpired: ['bad-credentials', rightClock],
  RequestInTheFuture: ['bad-credentials', rightClock],
  RequestTimeTooSkewed: ['bad-credentials', rightClock],
  ExpiredToken: ['expired-credentials', freshCredentials],
  ExpiredTokenException: ['expired-credentials', freshCredentials],
  TokenRefreshRequired: ['expired-credentials', freshCredentials],
  CredentialsProviderError: ['no-credentials', someCredentials],
  TokenProviderError: ['no-credentials', someCredentials],
  ValidationException: ['bad-configuration', validRequest],
  ValidationError: ['bad-configuration', validRequest],
  UnknownOperationException: ['bad-configuration', validRequest],
  EndpointError: ['bad-configuration', noMixedEndpoint],
};

/** Codes of Node's network errors (libuv errnos and getaddrinfo) that mean "no connection now". */
const NETWORK_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
]);

/** OpenSSL's verification failures as Node names them; `ERR_TLS_…`; wrong protocol. */
const TLS_CODE = /^(?:CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|ERR_TLS_|ERR_SSL_|EPROTO$|HOSTNAME_MISMATCH)/;

interface AwsFacts {
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

function statusOf(error: Error): number | undefined {
  return (error as AwsFacts).$metadata?.httpStatusCode;
}

function systemCodeOf(error: Error): string | undefined {
  const candidates = [error, error.cause].map((thrown) => (thrown as AwsFacts | undefined)?.code);
  return candidates.find((code) => typeof code === 'string');
}

/** The `code` of a connection that could not be made or was cut, or undefined when it is another kind of failure. */
export function networkCodeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? systemCodeOf(error) : undefined;
  return code !== undefined && NETWORK_CODES.has(code) ? code : undefined;
}

const SERVER_ERROR = 500;
const TOO_MANY_REQUESTS = 429;
const DENIED: ReadonlySet<number> = new Set([401, 403]);

/** For what has no name that AWS documents. Never the sender's fault: KMS has not said that the wrapped key is bad. */
function rowByStatus(status: number | undefined, otherwise: Row): Row {
  if (status === TOO_MANY_REQUESTS) return ['kms-throttled', slowDown];
  return status !== undefined && status >= SERVER_ERROR ? ['kms-unavailable', tryLater] : otherwise;
}

/**
 * The SDK could not read the answer: a proxy's page, another kind of server, an answer cut short. Its error quotes the
 * answer, where a plaintext may be, so neither its words nor the error itself are passed on.
 */
function unreadableAnswer(error: Error, { keyName }: KmsCall): SealdropError {
  const status = statusOf(error);
  const [code] = rowByStatus(status, ['bad-configuration', validRequest]);
  return new SealdropError(code, `${keyName}: the answer (HTTP status ${status}) is not one of AWS KMS`, {
    hint: 'check the endpoint, and whether a proxy answers in its place',
  });
}

const trustCertificate: Row[1] = () =>
  'a proxy that inspects TLS needs its certificate authority in NODE_EXTRA_CA_CERTS; or the endpoint is wrong';

function rowOf(error: Error): Row {
  const known = EXCEPTIONS[error.name];
  if (known !== undefined) return known;
  const code = systemCodeOf(error);
  if (code !== undefined && NETWORK_CODES.has(code)) return ['kms-unreachable', network];
  if (code !== undefined && TLS_CODE.test(code)) return ['bad-configuration', trustCertificate];
  const status = statusOf(error);
  const isDenied = status !== undefined && DENIED.has(status);
  return rowByStatus(status, isDenied ? ['access-denied', permission] : ['bad-configuration', validRequest]);
}

/** Where the code's meaning in the error table says less than what is known here. */
const FACTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  'unwrap-failed': 'the wrapped key does not open with this key and OAEP hash',
  'bad-configuration': 'the call of AWS KMS failed',
};

/** AWS's own words on one line; exceptions without a message have none. */
function wordsOf(error: Error): string {
  const name = EXCEPTIONS[error.name] === undefined && systemCodeOf(error) ? systemCodeOf(error) : error.name;
  const message = error.message.replaceAll(/\s+/g, ' ').trim();
  return message === '' || message === 'UnknownError' || message === name ? `${name}` : `${name}: ${message}`;
}

/** Turns whatever the AWS SDK throws into a `SealdropError` whose code, blame and cure fit (DESIGN section 6). */
export function fromKmsError(error: unknown, call: KmsCall): SealdropError {
  if (error instanceof SealdropError || !(error instanceof Error)) return toSealdropError(error, call.keyName);
  if (error instanceof SyntaxError) return unreadableAnswer(error, call);
  const [code, hint] = rowOf(error);
  const fact = FACTS[code] ?? errorCodes.get(code)?.meaning ?? code;
  return new SealdropError(code, `${call.keyName}: ${fact} (${wordsOf(error)})`, {
    hint: hint(call),
    cause: error,
  });
}
