import { KmsError } from './kms-error.ts';

const CREDENTIAL = /^AWS4-HMAC-SHA256 +Credential=[^/,]+\/\d{8}\/([^/,]+)\/([^/,]+)\/aws4_request,/;

/**
 * Checks that a request is signed for this service and region. The signature itself is not verified: any access key
 * and secret will do.
 * @throws KmsError as AWS answers it.
 */
export function checkAuthorization(header: string | undefined, region: string): void {
  if (header === undefined) throw new KmsError('MissingAuthenticationTokenException');
  const [, scopeRegion, service] = CREDENTIAL.exec(header) ?? [];
  if (service === undefined) {
    throw new KmsError('IncompleteSignatureException', `Authorization header requires 'Credential' parameter.`);
  }
  if (scopeRegion !== region) {
    throw new KmsError(
      'InvalidSignatureException',
      `Credential should be scoped to a valid region, not '${scopeRegion}'. `,
    );
  }
  if (service !== 'kms') {
    throw new KmsError('InvalidSignatureException', `Credential should be scoped to correct service: 'kms'. `);
  }
}
