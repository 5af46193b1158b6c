export type SftpHostErrorCode =
  /** The caller is not root. */
  | 'not-root'
  /** A sender's name cannot be used. */
  | 'bad-sender'
  /** sshd would refuse to chroot below the base directory. */
  | 'bad-directory'
  /** A program of Debian's is not installed. */
  | 'missing-program'
  /** useradd, userdel or ssh-keygen failed. */
  | 'command-failed'
  /** sshd did not begin to listen. */
  | 'sshd-failed';

/** The message is one line with the fault and, where there is one, the cure. */
export class SftpHostError extends Error {
  override readonly name = 'SftpHostError';
  readonly code: SftpHostErrorCode;

  constructor(code: SftpHostErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
