import { SealdropError } from '../errors.ts';
import { quoteWord } from './quoted-word.ts';

/** Characters and bytes a line of `-a` (openssl/crypto/evp/encode.c). */
const LINE_LENGTH = 64;
const LINE_BYTES = 48;
const LF = 0x0a;
const PAD = 0x3d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

const DIGIT = 1;
const SPACE = 2;
/** By byte: `DIGIT`, `SPACE`, or 0 for any other. */
const CLASSES = new Uint8Array(256);
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')) {
  CLASSES[byte] = DIGIT;
}
for (const byte of Buffer.from('\r\n\t ')) CLASSES[byte] = SPACE;

/** Turns text into bytes, or bytes into text, piece by piece. */
export interface Transcoder {
  update(piece: Uint8Array): Buffer;
  /** What remains. Nothing may follow. */
  final(): Buffer;
}

function badCharacter(byte: number, offset: number): SealdropError {
  const shown =
    byte < 0x80 ? `the character ${quoteWord(String.fromCharCode(byte))}` : `the byte 0x${byte.toString(16)}`;
  const nearStart = offset < 'Salted__'.length;
  return new SealdropError('bad-armor', `the payload is not base64 text: it has ${shown} at offset ${offset}`, {
    hint: nearStart
      ? 'if the payload is binary, drop -a from the parameters; if it is UTF-16 text, convert it to ASCII'
      : 'the payload was damaged on its way: ask the sender to send it again',
    details: { offset },
  });
}

class ArmorDecoder implements Transcoder {
  /** Digits that wait for the rest of their group of four. */
  #waiting = '';
  #pads = 0;
  #offset = 0;
  #digitsSeen = 0;

  update(piece: Uint8Array): Buffer {
    const digits = Buffer.allocUnsafe(piece.length);
    let count = 0;
    let ended = this.#pads > 0;
    for (let index = 0; index < piece.length; index++) {
      const byte = piece[index] ?? 0;
      const kind = CLASSES[byte];
      if (kind === DIGIT && !ended) digits[count++] = byte;
      else if (kind !== SPACE) {
        this.#takeOther(byte, this.#offset + index, this.#digitsSeen + count);
        ended = this.#pads > 0;
      }
    }
    this.#offset += piece.length;
    this.#digitsSeen += count;
    const text = this.#waiting + digits.toString('latin1', 0, count);
    const whole = text.length - (text.length % 4);
    this.#waiting = text.slice(whole);
    return Buffer.from(text.slice(0, whole), 'base64');
  }

  /** A pad, a byte order mark, a digit after the end, or what has no place in base64 text. */
  #takeOther(byte: number, offset: number, digitsBefore: number): void {
    if (offset < BYTE_ORDER_MARK.length && byte === BYTE_ORDER_MARK[offset]) return;
    if (byte === PAD) {
      this.#pads++;
      const inGroup = digitsBefore % 4;
      if (inGroup >= 2 && inGroup + this.#pads <= 4) return;
    }
    if (byte === PAD || CLASSES[byte] === DIGIT) {
      throw new SealdropError(
        'bad-armor',
        `the base64 text of the payload goes on after its end, at offset ${offset}`,
        {
          hint: 'the payload was damaged on its way, or two texts were joined: ask the sender to send it again',
          details: { offset },
        },
      );
    }
    throw badCharacter(byte, offset);
  }

  final(): Buffer {
    if (this.#waiting.length === 0 || this.#waiting.length + this.#pads === 4) {
      return Buffer.from(this.#waiting, 'base64');
    }
    throw new SealdropError(
      'truncated-payload',
      'the base64 text of the payload ends within a group of four characters',
      {
        hint: 'the payload was cut on its way: ask the sender to send it again',
      },
    );
  }
}

class ArmorEncoder implements Transcoder {
  #waiting: Buffer = Buffer.alloc(0);
  readonly #form: 'lines' | 'one-line';

  constructor(form: 'lines' | 'one-line') {
    this.#form = form;
  }

  update(piece: Uint8Array): Buffer {
    const bytes =
      this.#waiting.length === 0
        ? Buffer.from(piece.buffer, piece.byteOffset, piece.length)
        : Buffer.concat([this.#waiting, piece]);
    const whole = bytes.length - (bytes.length % LINE_BYTES);
    this.#waiting = Buffer.from(bytes.subarray(whole));
    return this.#encode(bytes.subarray(0, whole));
  }

  final(): Buffer {
    return this.#encode(this.#waiting);
  }

  #encode(bytes: Buffer): Buffer {
    const text = Buffer.from(bytes.toString('base64'), 'latin1');
    if (this.#form === 'one-line') return text;
    const lines = Buffer.allocUnsafe(armoredSize(bytes.length, 'lines'));
    let end = 0;
    for (let start = 0; start < text.length; start += LINE_LENGTH) {
      end += text.copy(lines, end, start, start + LINE_LENGTH);
      lines[end++] = LF;
    }
    return lines;
  }
}

/**
 * Reads what `-a` and `-A` write, and what becomes of it on the way: lines of any length, CRLF, blank lines, spaces and a byte order
 * mark are taken. Anything else is `bad-armor`, a cut text `truncated-payload`; nothing is ever left out silently, as openssl does.
 */
export function createArmorDecoder(): Transcoder {
  return new ArmorDecoder();
}

/** Writes as `-a` (64 characters a line, LF after each) or `-a -A` (one line without a line end). */
export function createArmorEncoder(form: 'lines' | 'one-line'): Transcoder {
  return new ArmorEncoder(form);
}

/** Bytes of the base64 text for so many bytes. */
export function armoredSize(size: number, form: 'lines' | 'one-line'): number {
  const characters = Math.ceil(size / 3) * 4;
  return form === 'one-line' ? characters : characters + Math.ceil(size / LINE_BYTES);
}
