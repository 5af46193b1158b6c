/** A host with the landing of another, modest sender, who must not feel what the first one does. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonProcess, LogLine } from '../daemon-process.ts';
import type { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';

export interface SecondLanding {
  readonly landing: string;
  readonly delivery: string;
}

/** Adds the landing `quiet` to the configuration. */
export function addSecondLanding(host: Host): SecondLanding {
  const quiet = { landing: join(host.folder, 'quiet-in'), delivery: join(host.folder, 'quiet-out') };
  mkdirSync(quiet.landing);
  mkdirSync(quiet.delivery);
  const second = `  - {name: quiet, directory: ${quiet.landing}, delivery: ${quiet.delivery}, settle: 150ms}\n`;
  const config = readFileSync(host.configFile, 'utf8');
  writeFileSync(host.configFile, config.replace('log: {level: debug}', `${second}log: {level: info}`));
  return quiet;
}

export const deliveredFrom =
  (landing: string) =>
  (line: LogLine): boolean =>
    line.message === 'delivered' && line['landing'] === landing;

/** Uploads an innocent envelope there and waits until it is delivered. @returns what the daemon has said before that */
export async function served(host: Host, daemon: DaemonProcess, quiet: SecondLanding): Promise<readonly LogLine[]> {
  upload(quiet, 'innocent', seal(host, { plaintext: 'innocent\n' }));
  const line = await daemon.saying(deliveredFrom('quiet'));
  return daemon.lines.slice(0, daemon.lines.indexOf(line));
}
