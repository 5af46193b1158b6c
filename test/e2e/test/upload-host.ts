/** A real sshd with two senders in chroots of their own, and a real sealdropd that takes what they upload. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Sender, type SftpHost, startSftpHost } from '@sealdrop/sftp-host';
import { DaemonProcess } from '../../../packages/daemon/test/daemon-process.ts';

const PRIVATE_KEY = join(import.meta.dirname, '../../../../shared/vectors/keys/rsa2048.pem');
const SENDERS = ['acme', 'globex'] as const;
export type SenderName = (typeof SENDERS)[number];

/** What the daemon runs as; root without it. */
export interface DaemonUser {
  readonly uid: number;
  readonly gid: number;
}

export class UploadHost {
  readonly sftp: SftpHost;
  /** Where senders work; it holds nothing of the daemon's. */
  readonly folder: string;
  readonly publicKey: string;
  readonly spool: string;
  readonly #configFile: string;
  readonly #user: DaemonUser | null;
  #daemon: DaemonProcess | null = null;

  private constructor(sftp: SftpHost, user: DaemonUser | null) {
    this.sftp = sftp;
    this.#user = user;
    const home = join(sftp.directory, 'sealdrop');
    this.folder = join(sftp.directory, 'work');
    this.spool = join(home, 'spool');
    this.#configFile = join(home, 'sealdropd.yaml');
    this.publicKey = join(this.folder, 'public.pem');
    for (const directory of [home, this.folder, ...SENDERS.map((name) => this.delivery(name))])
      mkdirSync(directory, { recursive: true });
    copyFileSync(PRIVATE_KEY, join(home, 'private.pem'));
    execFileSync('openssl', ['pkey', '-in', PRIVATE_KEY, '-pubout', '-out', this.publicKey]);
    writeFileSync(this.#configFile, this.#config(home));
    if (user !== null) this.#handOver(home, user);
  }

  static async start(user: DaemonUser | null = null): Promise<UploadHost> {
    const sftp = await startSftpHost({ senders: SENDERS });
    try {
      const host = new UploadHost(sftp, user);
      await host.#startDaemon();
      return host;
    } catch (error) {
      await sftp.close();
      throw error;
    }
  }

  #config(home: string): string {
    const landings = SENDERS.map(
      (name) =>
        `  - {name: ${name}, directory: ${this.landing(name)}, delivery: ${this.delivery(name)}, settle: 300ms}\n`,
    );
    return `spool: ${this.spool}
keys: ['file:${join(home, 'private.pem')}']
landings:
${landings.join('')}status: off
minimumFreeSpace: 0B
log: {level: debug}
`;
  }

  /** What an operator does for a daemon that is not root: its own directories are its own, and a group may move what senders upload. */
  #handOver(home: string, { uid, gid }: DaemonUser): void {
    execFileSync('chown', ['-R', `${uid}:${gid}`, home]);
    for (const { landing } of this.sftp.senders) {
      execFileSync('chgrp', [String(gid), landing]);
      chmodSync(landing, 0o2775);
    }
  }

  async #startDaemon(): Promise<void> {
    const user = this.#user;
    const identity = user === null ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
    const wrapper = user === null ? [] : ['setpriv', ...identity, '--inh-caps=-all', '--bounding-set=-all'];
    this.#daemon = new DaemonProcess(this.#configFile, {}, wrapper);
    await this.#daemon.saying({ message: 'ready' });
  }

  get daemon(): DaemonProcess {
    if (this.#daemon === null) throw new Error('the daemon is not running');
    return this.#daemon;
  }

  sender(name: SenderName): Sender {
    return this.sftp.sender(name);
  }

  landing(name: SenderName): string {
    return this.sender(name).landing;
  }

  delivery(name: SenderName): string {
    return join(this.sftp.directory, 'sealdrop/plain', name);
  }

  delivered(name: SenderName): readonly string[] {
    return readdirSync(this.delivery(name)).sort();
  }

  /** A delivered file's text, once the daemon has said that it is there. */
  async plaintext(sender: SenderName, name: string): Promise<string> {
    const path = join(this.delivery(sender), name);
    await this.daemon.saying({ message: 'delivered', file: path });
    return readFileSync(path, 'utf8');
  }

  /** The code of the verdict on the envelope that holds a file. */
  async verdict(file: string): Promise<unknown> {
    const { envelope } = await this.daemon.saying(
      ({ message, files }) => message === 'claimed' && Array.isArray(files) && files.includes(file),
    );
    const { code } = await this.daemon.saying({ message: 'quarantined', envelope });
    return code;
  }

  /** Runs the batch as that sender; each command must succeed. */
  async upload(name: SenderName, commands: readonly string[]): Promise<void> {
    const { status, stderr } = await this.sftp.sftp(name, commands, { localDirectory: this.folder });
    if (status !== 0) throw new Error(`sftp ended with ${status}: ${stderr}`);
  }

  async close(): Promise<void> {
    await this.#daemon?.kill();
    await this.sftp.close();
  }
}
