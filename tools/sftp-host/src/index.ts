/**
 * A real OpenSSH server on loopback that serves SFTP alone, each sender a system user in a chroot of its own, for tests
 * and for trying Sealdrop. It needs root.
 *
 * ```ts
 * const host = await startSftpHost();
 * const { landing } = host.sender('acme');
 * await host.sftp('acme', ['put data.enc', `put key.enc ${quoteForSftp('a name.key.enc')}`], { localDirectory });
 * const upload = host.startSftp('acme', ['put large.enc'], { rateKiB: 512 });
 * upload.kill(); // part of large.enc stays in `landing`, under that name
 * await host.close();
 * ```
 */
export { startSftpHost } from './sftp-host.ts';
export type { SftpHost, SftpHostOptions } from './sftp-host.ts';
export { cleanSftpHosts } from './remove-run.ts';
export type { Sender } from './senders.ts';
export { quoteForSftp } from './sftp-client.ts';
export type { SftpOptions, SftpResult, SftpSession } from './sftp-client.ts';
export { SftpHostError } from './sftp-host-error.ts';
export type { SftpHostErrorCode } from './sftp-host-error.ts';
