/** What systemd's notification socket would hear: a real datagram socket, read by Python, since Node.js has none. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';

// Closes each descriptor that comes along: that is how the receiver of BARRIER=1 says "I have read all before it".
const RECEIVER = `
import json, os, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print(json.dumps('listening'), flush=True)
while True:
    message, descriptors, _, _ = socket.recv_fds(receiver, 4096, 16)
    for descriptor in descriptors:
        os.close(descriptor)
    print(json.dumps(message.decode()), flush=True)
`;
const DEADLINE = 30_000;

export class NotificationSocket {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sealdrop-notify-'));
  readonly path = join(this.#folder, 'notify.sock');
  /** Messages as they came, barriers left out. */
  readonly messages: string[] = [];
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #lines: Interface;

  private constructor() {
    this.#child = spawn('/usr/bin/python3', ['-c', RECEIVER, this.path], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#lines.on('line', (line) => {
      const message = JSON.parse(line) as string;
      if (!message.startsWith('BARRIER=') && message !== 'listening') this.messages.push(message);
    });
  }

  static async open(): Promise<NotificationSocket> {
    const socket = new NotificationSocket();
    await once(socket.#lines, 'line');
    return socket;
  }

  /** Resolves when so many messages have come. */
  async heard(count: number): Promise<readonly string[]> {
    while (this.messages.length < count) {
      await once(this.#lines, 'line', { signal: AbortSignal.timeout(DEADLINE) });
    }
    return this.messages;
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
