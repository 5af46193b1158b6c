/** The AWS SDK, as far as it is used: a bundle leaves out the other fifty operations of KMS. Only ever imported late, since it is large. */
export {
  DecryptCommand,
  DescribeKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  type DecryptCommandOutput,
  type GetPublicKeyCommandOutput,
  type KMSClientConfig,
} from '@aws-sdk/client-kms';
