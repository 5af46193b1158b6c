import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { DaemonProcess } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { flatPath, MEMBERS, seal, upload } from '../sender.ts';
import { QUICK_DISK } from '../spool/fault-host.ts';

const PLAINTEXT = 'mine\n';
const SECRET = "another sender's secret\n";
const DEADLINE = 60_000;

/** Where the daemon stands still while its sender is at work: before and after each member is taken, and until the claim is whole. */
const POINTS = [
  'claim-members.mkdir:kill',
  'claim-record.rename:kill',
  'take-member.rename:kill:1',
  'take-member.rename:kill:2',
  'take-member.rename:kill:3',
  'leave-landing.sync:kill',
  'settle-members.sync:kill',
  'claim.rename:kill',
  'claim.sync-from:kill',
] as const;

/** Puts something else in the place of what is left of a member, or of what is gone. */
const SWAPS: Readonly<Record<string, (path: string, secret: string) => void>> = {
  'symbolic links to a secret': (path, secret) => symlinkSync(secret, path),
  'hard links to a secret': (path, secret) => linkSync(secret, path),
  'symbolic links to a folder of secrets': (path) => symlinkSync('../globex', path),
  'folders with something in them': (path) => {
    mkdirSync(path);
    writeFileSync(join(path, 'inside.enc'), 'x');
  },
  'other files': (path) => writeFileSync(path, 'other'),
};

const CASES = POINTS.map((point, index) => {
  const swaps = Object.entries(SWAPS);
  const [what, swap] = swaps[index % swaps.length] ?? ['', () => {}];
  return [point, what, swap] as const;
});

class Scene {
  readonly host = new Host({
    parent: QUICK_DISK,
    settle: '20ms',
    settings: 'incompleteAfter: 200ms\nstrayAfter: 200ms',
  });
  readonly outside = join(this.host.folder, 'globex');
  readonly secret = join(this.outside, 'inside.enc');

  constructor() {
    mkdirSync(this.outside);
    writeFileSync(this.secret, SECRET);
  }

  /** Runs the daemon until it is struck down at the point. */
  async strike(fault: string): Promise<void> {
    const daemon = new DaemonProcess(this.host.configFile, { NODE_ENV: 'test', SEALDROP_FAULT: fault });
    const timer = setTimeout(() => daemon.signal('SIGTERM'), DEADLINE);
    const { signal } = await daemon.exited();
    clearTimeout(timer);
    assert.equal(signal, 'SIGKILL', daemon.raw.join('\n'));
  }

  /** Runs the daemon until nothing is left to do. @returns what went wrong, in words; mostly nothing */
  async harm(): Promise<readonly string[]> {
    const daemon = await this.host.start();
    await vi.waitUntil(() => this.#left().length === 0, { timeout: DEADLINE, interval: 10 });
    await daemon.stop();
    const delivered = this.host.delivered().map((name) => this.host.plaintext(name));
    const quarantined = this.host.inState('quarantine');
    const digests = quarantined.flatMap((id) => this.host.report(id).members.map(({ sha256 }) => sha256));
    const alarms = daemon.said((line) => line.level === 'error' || line['code'] === 'internal');
    const harms: Readonly<Record<string, boolean>> = {
      'files of another were moved': readdirSync(this.outside).join() !== basename(this.secret),
      'a file of another was changed': readFileSync(this.secret, 'utf8') !== SECRET,
      'a file of another was read': digests.includes(createHash('sha256').update(SECRET).digest('hex')),
      'something else was delivered': delivered.some((text) => text !== PLAINTEXT),
      'it was delivered twice': delivered.length > 1,
      'it was lost': delivered.length + quarantined.length === 0,
      'an operator was alarmed': alarms.length > 0,
    };
    return Object.keys(harms).filter((harm) => harms[harm]);
  }

  #left(): readonly string[] {
    const states = ['claiming', 'claimed', 'delivered'].map((state) => join(this.host.spool, state));
    return [this.host.landing, ...states].flatMap((directory) => readdirSync(directory));
  }
}

test.concurrent.each(CASES)(
  'stopped at %s, with %s in the place of members, no harm is done',
  async (point, _, swap) => {
    const scene = new Scene();
    try {
      const { host } = scene;
      upload(host, 'data', seal(host, { plaintext: PLAINTEXT }));
      await scene.strike(point);
      for (const member of MEMBERS) {
        rmSync(flatPath(host, 'data', member), { force: true });
        swap(flatPath(host, 'data', member), scene.secret);
      }
      expect(await scene.harm()).toEqual([]);
    } finally {
      await scene.host.close();
    }
  },
);

const FOLDER_SWAPS: Readonly<Record<string, (folder: string) => void>> = {
  removed: (folder) => rmSync(folder, { recursive: true }),
  'replaced by a link to a folder of secrets': (folder) => {
    renameSync(folder, `${folder}.old`);
    symlinkSync('../globex', folder);
  },
  'replaced by a file': (folder) => {
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'x');
  },
};

test.concurrent.each(Object.entries(FOLDER_SWAPS))(
  'a folder that is %s while its envelope is half claimed does no harm, and what was taken is kept',
  async (_, swap) => {
    const scene = new Scene();
    try {
      const folder = join(scene.host.landing, 'batch');
      mkdirSync(folder);
      upload({ landing: folder }, 'data', seal(scene.host, { plaintext: PLAINTEXT }));
      await scene.strike('take-member.rename:kill:2');
      swap(folder);
      expect(await scene.harm()).toEqual([]);
      const kept = scene.host.inState('quarantine').flatMap((id) => scene.host.members('quarantine', id));
      expect(kept).toContain('data.enc');
    } finally {
      await scene.host.close();
    }
  },
);
