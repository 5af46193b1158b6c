/** An SFTP host in a temporary folder: a landing, a delivery directory, a spool, a key, a configuration. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QuarantineReport } from '../src/spool/report-schema.ts';
import { DaemonProcess, sealdropdInBackground, type Transcript } from './daemon-process.ts';

const PRIVATE_KEY = join(import.meta.dirname, '../../../../shared/vectors/keys/rsa2048.pem');

export interface HostOptions {
  /** Lines of YAML for the configuration's top level. */
  readonly settings?: string;
  /** Flow-style YAML pairs for the landing, like `collision: replace`. */
  readonly landing?: string;
  /** How long members must stand still; short, so that tests are quick. */
  readonly settle?: string | undefined;
  readonly keys?: readonly string[];
  /** Where the host's folder is made; the system's temporary directory by default. */
  readonly parent?: string | undefined;
}

export type Report = QuarantineReport;

/** Tests run side by side, where one address cannot serve all, and on small file systems. */
const QUIET_DEFAULTS = { log: '{level: debug}', status: 'off', minimumFreeSpace: '0B' };

function withQuietDefaults(settings: string): string {
  const missing = Object.entries(QUIET_DEFAULTS).filter(([name]) => !new RegExp(`^${name}:`, 'm').test(settings));
  // First of all the log: tests put further landings before it.
  return [...missing.map(([name, value]) => `${name}: ${value}`), settings].join('\n');
}

export class Host {
  readonly folder: string;
  readonly landing: string;
  readonly delivery: string;
  readonly spool: string;
  readonly configFile: string;
  readonly privateKey: string;
  readonly publicKey: string;
  readonly #daemons: DaemonProcess[] = [];

  constructor(options: HostOptions = {}) {
    this.folder = mkdtempSync(join(options.parent ?? tmpdir(), 'sealdropd-'));
    this.landing = join(this.folder, 'incoming');
    this.delivery = join(this.folder, 'plain');
    this.spool = join(this.folder, 'spool');
    this.configFile = join(this.folder, 'sealdropd.yaml');
    this.privateKey = join(this.folder, 'private.pem');
    this.publicKey = join(this.folder, 'public.pem');
    mkdirSync(this.landing);
    mkdirSync(this.delivery);
    copyFileSync(PRIVATE_KEY, this.privateKey);
    chmodSync(this.privateKey, 0o600);
    execFileSync('openssl', ['pkey', '-in', this.privateKey, '-pubout', '-out', this.publicKey]);
    this.configure(options);
  }

  configure({ settings = '', landing = '', settle = '150ms', keys = [`file:${this.privateKey}`] }: HostOptions): void {
    // Sealing takes time: tests send one envelope as often as they need one.
    const replay = landing.includes('replay:') ? '' : 'replay: allow';
    const pairs = [
      'name: acme',
      `directory: ${this.landing}`,
      `delivery: ${this.delivery}`,
      `settle: ${settle}`,
      landing,
      replay,
    ];
    writeFileSync(
      this.configFile,
      `spool: ${this.spool}
keys: ${JSON.stringify(keys)}
landings:
  - {${pairs.filter((pair) => pair !== '').join(', ')}}
${withQuietDefaults(settings)}
`,
    );
  }

  async start(environment?: Readonly<Record<string, string>>, wrapper?: readonly string[]): Promise<DaemonProcess> {
    const daemon = new DaemonProcess(this.configFile, environment, wrapper);
    this.#daemons.push(daemon);
    await daemon.saying({ message: 'ready' });
    return daemon;
  }

  /** `sealdropd check`, while this process goes on serving whatever it serves. */
  check(environment: Readonly<Record<string, string>>): Promise<Transcript> {
    return sealdropdInBackground(['check', '--config', this.configFile], environment);
  }

  /** Names in the delivery directory, part files included. */
  delivered(): readonly string[] {
    return readdirSync(this.delivery).sort();
  }

  /** What a collector takes: a dot name is a delivery that is still growing. */
  collectable(): readonly string[] {
    return this.delivered().filter((name) => !name.startsWith('.'));
  }

  plaintext(name: string): string {
    return readFileSync(join(this.delivery, name), 'utf8');
  }

  inState(state: 'claiming' | 'claimed' | 'delivered' | 'quarantine' | 'archive'): readonly string[] {
    return readdirSync(join(this.spool, state)).sort();
  }

  members(state: 'claimed' | 'quarantine' | 'archive', id: string): readonly string[] {
    return readdirSync(join(this.spool, state, id, 'members')).sort();
  }

  report(id: string): Report {
    return JSON.parse(readFileSync(join(this.spool, 'quarantine', id, 'report.json'), 'utf8')) as Report;
  }

  /** Ends what still runs and removes everything. */
  async close(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
