/**
 * How a key file can have changed between the day it encrypted the payload and the day it was wrapped, or been read by another rule. Each
 * reading makes from the unwrapped key file the one whose passphrase opens the payload, as the shell command beside it does.
 */

const CR = 0x0d;
const LF = 0x0a;
const NUL = 0x00;
const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const UTF16_MARK = Buffer.from([0xff, 0xfe]);
const UTF16_BIG_ENDIAN_MARK = Buffer.from([0xfe, 0xff]);
/** As the article calls it, and whoever follows it. */
const USUAL_NAME = 'key.bin';
const LINE_END = Buffer.from('\n');
const BASE64_LINE = 64;
const WHOLE_OR_LAST_LINE = /.{1,64}/g;

interface Reading {
  /** The key file as it was at encryption; null when the reading does not apply. */
  readonly apply: (keyFile: Buffer) => Buffer | null;
  /** A filter of POSIX shell that does the same; null for no change. */
  readonly shell: string | null;
  /** After `the payload was encrypted with the key file`. */
  readonly words: string;
  /** To the sender: what to do another time. */
  readonly advice: string;
  /** Whether a key file of this look is likely to need it, with no other evidence at hand. */
  readonly isHabit: (keyFile: Buffer) => boolean;
}

const never = (): boolean => false;

function firstLine(keyFile: Buffer): Buffer {
  const end = keyFile.findIndex((byte) => byte === LF || byte === NUL);
  return end === -1 ? keyFile : keyFile.subarray(0, end);
}

function lines(keyFile: Buffer): readonly string[] {
  return keyFile.toString('latin1').split('\n');
}

function asText(keyFile: Buffer): string {
  return keyFile.toString('latin1');
}

function startsWith(bytes: Buffer, beginning: Buffer): boolean {
  return bytes.subarray(0, beginning.length).equals(beginning);
}

function withoutCarriageReturn(keyFile: Buffer): Buffer | null {
  const line = firstLine(keyFile);
  return line.at(-1) === CR ? Buffer.concat([line.subarray(0, -1), LINE_END]) : null;
}

function fromUtf16(keyFile: Buffer): Buffer | null {
  if (startsWith(keyFile, UTF16_BIG_ENDIAN_MARK)) {
    return keyFile.length % 2 === 0 ? fromUtf16(Buffer.from(keyFile).swap16()) : null;
  }
  const marked = startsWith(keyFile, UTF16_MARK);
  if (!marked && !(keyFile.length > 3 && keyFile[1] === NUL && keyFile[3] === NUL)) return null;
  const text = keyFile.toString('utf16le', marked ? UTF16_MARK.length : 0);
  return Buffer.from(text.replaceAll('\r', ''));
}

function withoutMark(keyFile: Buffer): Buffer | null {
  return startsWith(keyFile, UTF8_MARK) ? keyFile.subarray(UTF8_MARK.length) : null;
}

function withoutMarkAndCarriageReturn(keyFile: Buffer): Buffer | null {
  const unmarked = withoutMark(keyFile);
  return unmarked === null ? null : withoutCarriageReturn(unmarked);
}

/** As `openssl base64` breaks lines; null where there is one line only. */
function encodeBase64InLines(keyFile: Buffer): Buffer | null {
  const text = keyFile.toString('base64');
  return text.length > BASE64_LINE ? Buffer.from(text.replaceAll(WHOLE_OR_LAST_LINE, '$&\n')) : null;
}

function decodeBase64(keyFile: Buffer): Buffer | null {
  const packed = asText(keyFile).replaceAll(/\s/g, '');
  return /^[A-Za-z0-9+/]{8,}={0,2}$/.test(packed) ? Buffer.from(packed, 'base64') : null;
}

function decodeHexadecimal(keyFile: Buffer): Buffer | null {
  const packed = asText(keyFile).replaceAll(/\s/g, '');
  return /^(?:[0-9a-f]{2}){4,}$/i.test(packed) ? Buffer.from(packed, 'hex') : null;
}

function trimmed(keyFile: Buffer): Buffer | null {
  const line = asText(firstLine(keyFile));
  const text = line.replaceAll(/^[ \t]+|[ \t\r]+$/g, '');
  return text === line ? null : Buffer.from(`${text}\n`, 'latin1');
}

function secondLine(keyFile: Buffer): Buffer | null {
  const second = lines(keyFile)[1];
  return second === undefined || second === '' ? null : Buffer.from(`${second}\n`, 'latin1');
}

function joined(keyFile: Buffer): Buffer | null {
  const text = asText(keyFile).replaceAll(/[\r\n]/g, '');
  return lines(keyFile).length > 2 ? Buffer.from(`${text}\n`, 'latin1') : null;
}

/** In the order in which they are tried, after the file as it is: the usual accidents first. */
const READINGS = {
  'as-sent': {
    apply: (keyFile) => keyFile,
    shell: null,
    words: 'as it was sent',
    advice: '',
    isHabit: never,
  },
  'without-carriage-return': {
    apply: withoutCarriageReturn,
    shell: "head -n 1 | tr -d '\\r'",
    words: 'without the carriage return that ends its line (a key file with Windows line ends)',
    advice: 'make the key file with Unix line ends, or do not change it after encrypting',
    isHabit: (keyFile) => withoutCarriageReturn(keyFile) !== null,
  },
  'with-carriage-return': {
    apply: (keyFile) => {
      const line = firstLine(keyFile);
      return line.at(-1) === CR ? null : Buffer.concat([line, Buffer.from('\r\n')]);
    },
    shell: "{ head -n 1 | tr -d '\\n'; printf '\\r\\n'; }",
    words: 'while its line still ended in a carriage return (it was converted to Unix line ends before it was wrapped)',
    advice: 'do not convert the key file between encrypting and wrapping',
    isHabit: never,
  },
  'without-byte-order-mark-and-carriage-return': {
    apply: withoutMarkAndCarriageReturn,
    shell: "tail -c +4 | head -n 1 | tr -d '\\r'",
    words: 'before an editor of Windows put a byte order mark in front of it and a carriage return behind its line',
    advice: 'do not open the key file in an editor',
    isHabit: (keyFile) => withoutMarkAndCarriageReturn(keyFile) !== null,
  },
  'without-byte-order-mark': {
    apply: withoutMark,
    shell: 'tail -c +4',
    words: 'before an editor put a byte order mark in front of it',
    advice: 'do not open the key file in an editor',
    isHabit: (keyFile) => startsWith(keyFile, UTF8_MARK),
  },
  'from-utf16': {
    apply: fromUtf16,
    shell: "iconv -f UTF-16 -t UTF-8 | tr -d '\\r'",
    words: 'before it was saved as UTF-16 (Windows PowerShell does this)',
    advice: 'do not write the key file with > in Windows PowerShell: use openssl rand -base64 -out key.bin 32',
    isHabit: (keyFile) => startsWith(keyFile, UTF16_MARK) || startsWith(keyFile, UTF16_BIG_ENDIAN_MARK),
  },
  trimmed: {
    apply: trimmed,
    shell: "head -n 1 | tr -d '\\r' | sed 's/^[[:blank:]]*//; s/[[:blank:]]*$//'",
    words: 'without the blanks around its line',
    advice: 'do not edit the key file, or paste it, between encrypting and wrapping',
    isHabit: (keyFile) => trimmed(keyFile) !== null,
  },
  'second-line': {
    apply: secondLine,
    shell: 'sed -n 2p',
    words: 'while its second line was the first',
    advice: 'openssl takes only the first line of a key file: make it with one line',
    isHabit: never,
  },
  joined: {
    apply: joined,
    shell: "tr -d '\\r\\n'",
    words: 'with its lines joined into one',
    advice: 'openssl takes only the first line of a key file: make it with one line',
    isHabit: never,
  },
  'with-byte-order-mark': {
    apply: (keyFile) => (startsWith(keyFile, UTF8_MARK) ? null : Buffer.concat([UTF8_MARK, keyFile])),
    shell: "{ printf '\\357\\273\\277'; cat; }",
    words: 'while it still had a byte order mark, which was then removed',
    advice: 'do not open the key file in an editor between encrypting and wrapping',
    isHabit: never,
  },
  'base64-decoded': {
    apply: decodeBase64,
    shell: "tr -d '[:space:]' | openssl base64 -d -A",
    words: 'as the bytes behind its base64 text',
    advice: 'wrap the very file that was given to openssl enc -pass file:',
    isHabit: never,
  },
  'base64-encoded': {
    apply: (keyFile) => Buffer.from(`${keyFile.toString('base64')}\n`),
    shell: 'openssl base64 -A',
    words: 'as base64 text of its bytes',
    advice: 'wrap the very file that was given to openssl enc -pass file:',
    isHabit: never,
  },
  'base64-encoded-in-lines': {
    apply: encodeBase64InLines,
    shell: 'openssl base64',
    words: 'as base64 text of its bytes in lines of 64 characters',
    advice: 'wrap the very file that was given to openssl enc -pass file:',
    isHabit: never,
  },
  'hexadecimal-decoded': {
    apply: decodeHexadecimal,
    shell: 'xxd -r -p',
    words: 'as the bytes behind its hexadecimal text',
    advice: 'wrap the very file that was given to openssl enc -pass file:',
    isHabit: never,
  },
  'hexadecimal-encoded': {
    apply: (keyFile) => Buffer.from(`${keyFile.toString('hex')}\n`),
    shell: "od -An -v -tx1 | tr -d ' \\n'",
    words: 'as hexadecimal text of its bytes',
    advice: 'wrap the very file that was given to openssl enc -pass file:',
    isHabit: never,
  },
  'hexadecimal-encoded-uppercase': {
    apply: (keyFile) => Buffer.from(`${keyFile.toString('hex').toUpperCase()}\n`),
    shell: "od -An -v -tx1 | tr -d ' \\n' | tr a-f A-F",
    words: 'as hexadecimal text of its bytes, in capital letters',
    advice: 'wrap the very file that was given to openssl enc -pass file:',
    isHabit: never,
  },
  'to-utf16': {
    apply: (keyFile) => Buffer.concat([UTF16_MARK, Buffer.from(asText(keyFile), 'utf16le')]),
    shell: "{ printf '\\377\\376'; iconv -f ISO-8859-1 -t UTF-16LE; }",
    words: 'while it was UTF-16, of which openssl takes three bytes for the passphrase: anyone can open this payload',
    advice: 'make a new key file, not in UTF-16, and encrypt again',
    isHabit: never,
  },
  'its-name': {
    apply: () => Buffer.from(`${USUAL_NAME}\n`),
    shell: `{ cat > /dev/null; echo ${USUAL_NAME}; }`,
    words: `by its name alone: the passphrase is "${USUAL_NAME}" (-k ${USUAL_NAME}), and anyone can open this payload`,
    advice: `make a new key file, and give it to openssl enc with -pass file:${USUAL_NAME}, not with -k`,
    isHabit: never,
  },
  'its-name-as-an-argument': {
    apply: () => Buffer.from(`file:${USUAL_NAME}\n`),
    shell: `{ cat > /dev/null; echo file:${USUAL_NAME}; }`,
    words: `by its name alone: the passphrase is "file:${USUAL_NAME}" (-k file:${USUAL_NAME}), and anyone can open this payload`,
    advice: `make a new key file, and give it to openssl enc with -pass file:${USUAL_NAME}, not with -k`,
    isHabit: never,
  },
} as const satisfies Readonly<Record<string, Reading>>;

/** How the key file is read, by name. */
export type KeyFileReading = keyof typeof READINGS;

/** All of them, in the order in which they are tried. */
export const KEY_FILE_READINGS: readonly KeyFileReading[] = Object.keys(READINGS) as KeyFileReading[];

/** Looks a reading up. */
export function keyFileReading(name: KeyFileReading): Reading {
  return READINGS[name];
}

/** The key file as it was at encryption, in a buffer of its own; null when the reading does not apply to it. */
export function rereadKeyFile(keyFile: Buffer, name: KeyFileReading): Buffer | null {
  const reread = READINGS[name].apply(keyFile);
  return reread === null ? null : Buffer.from(reread);
}
