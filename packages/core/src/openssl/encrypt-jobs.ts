/** What threads do to encrypt a file (DESIGN section 7): one does nothing but encrypt, the other everything else. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { PIECE_SIZE, type Report } from './decrypt-jobs.ts';
import { type OpenFile, readAt, writeAt } from './file-bytes.ts';
import { Digester, type DigestRequest, type PayloadDigests } from './payload-digests.ts';
import { createEncryptor, type KeyedCipher, type Padding } from './payload-transform.ts';
import { type RingMemory, ring as ringBell, RingReader, RingWriter, waitFor } from './shared-ring.ts';

export interface EncryptJob {
  readonly kind: 'encrypt';
  readonly keyed: KeyedCipher;
  readonly padding: Padding;
  readonly ring: RingMemory;
  /** Where the ciphertext goes. */
  readonly port: MessagePort;
}

/** Ciphertext on its way: its memory is handed over, since a copy would cost the encrypting thread a tenth of its time. */
interface Ciphertext {
  readonly pieces: readonly ArrayBuffer[];
  readonly position: 'within' | 'last';
}

/** Small buffers of Node's lie in a common pool, which must not be handed over. */
function memoryOf(output: Buffer): ArrayBuffer {
  const { buffer, byteLength } = output;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? buffer : Uint8Array.from(output).buffer;
}

export function encryptPieces({ keyed, padding, ring, port }: EncryptJob): void {
  const encryptor = createEncryptor(keyed, padding);
  const reader = new RingReader(ring);
  const send = (message: Ciphertext): void => {
    port.postMessage(message, [...message.pieces]);
    ringBell(ring.control);
  };
  for (let slot = reader.take(); slot.length > 0; slot = reader.take()) {
    const pieces: ArrayBuffer[] = [];
    for (let start = 0; start < slot.length; start += PIECE_SIZE) {
      pieces.push(memoryOf(encryptor.update(slot.subarray(start, start + PIECE_SIZE))));
    }
    reader.release();
    send({ pieces, position: 'within' });
  }
  send({ pieces: [memoryOf(encryptor.final())], position: 'last' });
}

export interface CarryJob {
  readonly kind: 'read-digest-and-write';
  readonly input: OpenFile;
  readonly output: OpenFile;
  /** What the payload begins with. */
  readonly header: Uint8Array;
  readonly digests: DigestRequest;
  readonly ring: RingMemory;
  /** Where the ciphertext comes from. */
  readonly port: MessagePort;
}

export interface Carried {
  /** Bytes. */
  readonly read: number;
  /** Bytes. */
  readonly written: number;
  readonly digests: PayloadDigests;
}

/** Reads the plaintext ahead of the encrypting thread, and digests and writes what comes back. */
export function readDigestAndWrite(job: CarryJob, report: Report): Carried {
  const input = new PlaintextReader(job);
  const output = new PayloadWriter(job);
  output.write(job.header);
  for (let collected = 0; ; collected++) {
    while (!input.hasEnded && input.sent - collected < job.ring.slots) report(input.sendPiece());
    const { pieces, position } = waitFor(job.ring.control, () => collect(job.port));
    for (const piece of pieces) {
      output.write(new Uint8Array(piece));
      piece.transfer(0);
    }
    if (position === 'last') return { read: input.position, written: output.position, digests: output.digests() };
  }
}

function collect(port: MessagePort): Ciphertext | null {
  const received: { readonly message: Ciphertext } | undefined = receiveMessageOnPort(port);
  return received?.message ?? null;
}

class PlaintextReader {
  readonly #writer: RingWriter;
  readonly #input: OpenFile;
  position = 0;
  /** Pieces that the encrypting thread answers, one message each. */
  sent = 0;
  hasEnded = false;

  constructor({ ring, input }: CarryJob) {
    this.#writer = new RingWriter(ring);
    this.#input = input;
  }

  sendPiece(): number {
    const length = readAt(this.#input, this.#writer.claim(), this.position);
    this.#writer.publish(length);
    this.position += length;
    this.hasEnded = length === 0;
    this.sent++;
    return length;
  }
}

class PayloadWriter {
  readonly #digester: Digester;
  readonly #output: OpenFile;
  position = 0;

  constructor({ digests, output }: CarryJob) {
    this.#digester = new Digester(digests);
    this.#output = output;
  }

  write(bytes: Uint8Array): void {
    this.#digester.update(bytes);
    writeAt(this.#output, bytes, this.position);
    this.position += bytes.length;
  }

  digests(): PayloadDigests {
    return this.#digester.digests();
  }
}
