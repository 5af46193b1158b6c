/** What a sender gets: the receiver's public key and three tools around it. Pure: equal options make equal bytes. */
import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { UsageError } from '../usage-error.ts';
import { fingerprintGroups } from './fingerprint.ts';
import { buildPage } from './page.ts';
import { fillTemplate, readTemplate } from './template.ts';

export interface KitOptions {
  /** The receiver's RSA public key. */
  readonly publicKey: KeyObject;
  /** Whom the kit is for: its manifests name them, and a landing of another sender refuses those. Default: they name nobody. */
  readonly sender?: string | undefined;
  /** What the receiver calls the key, like `alias/inbound`. */
  readonly keyName?: string | undefined;
  /** Where results go, as sftp(1) takes it: `user@host:directory`. */
  readonly upload?: string | undefined;
}

export interface KitFile {
  readonly name: string;
  /** Permissions, as chmod(2) takes them. */
  readonly mode: number;
  readonly bytes: Buffer;
}

const PLAIN = 0o644;
const EXECUTABLE = 0o755;

/** Windows PowerShell 5.1 takes a file without it for text in the system's code page. */
const BYTE_ORDER_MARK = '\uFEFF';

const MEBIBYTE = 1024 * 1024;
/** What a browser may hold in memory that cannot save streams. */
const DOWNLOAD_LIMIT_MIB = 512;

const BITS_PER_BYTE = 8;

/** Text that stands in comments of three languages: nothing that ends one of them. */
const PRINTABLE = /^(?!.* $)[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N} .,_&'()+@/:-]{0,63}$/u;
const DESTINATION = /^[\w[][\w.@:/~%+[\]-]{0,254}$/;

/** The files of the kit, sorted by name. @throws UsageError for a sender or destination that cannot be written into it */
export function buildKit(options: KitOptions): readonly KitFile[] {
  if (options.sender !== undefined) check('--sender', options.sender, PRINTABLE);
  if (options.keyName !== undefined) check('the key', options.keyName, PRINTABLE);
  if (options.upload !== undefined) check('--upload', options.upload, DESTINATION);
  const facts = factsOf(options);
  const values = templateValues(options, facts);
  const fill = (name: string) => fillTemplate(readTemplate(name), values);
  return [
    textFile('README.txt', fill('README.txt')),
    textFile('encrypt.html', fillPage(options, facts)),
    textFile('encrypt.ps1', BYTE_ORDER_MARK + fill('encrypt.ps1')),
    { ...textFile('encrypt.sh', fill('encrypt.sh')), mode: EXECUTABLE },
    textFile('pubkey.pem', fill('pubkey.pem')),
  ];
}

function check(what: string, text: string, pattern: RegExp): void {
  if (pattern.test(text)) return;
  throw new UsageError(
    `${what} ${JSON.stringify(text)} cannot be written into a kit`,
    pattern === DESTINATION
      ? 'give it as sftp takes it: user@host:directory'
      : "it begins with a letter or digit, does not end in a space, and has at most 64 of letters, digits, spaces and .,_&'()+@/:-",
  );
}

export function whom({ sender }: Pick<KitOptions, 'sender'>): string {
  return sender ?? 'any sender';
}

function quoteForPowerShell(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

interface KeyFacts {
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** SHA-256 of it, in hexadecimal. */
  readonly fingerprint: string;
  readonly title: string;
}

function factsOf({ publicKey, sender, keyName }: KitOptions): KeyFacts {
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const fingerprint = createHash('sha256').update(spki).digest('hex');
  const title = `Kit for ${whom({ sender })}${keyName === undefined ? '' : `; the receiver's key is ${keyName}`}`;
  return { spki, fingerprint, title };
}

function templateValues(options: KitOptions, { fingerprint, title }: KeyFacts): Readonly<Record<string, string>> {
  const { publicKey, sender = '', upload } = options;
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  const groups = fingerprintGroups(fingerprint);
  return {
    title,
    senderInShell: `'${sender.replaceAll("'", String.raw`'\''`)}'`,
    senderInPowerShell: quoteForPowerShell(sender),
    whomInPowerShell: quoteForPowerShell(whom(options)),
    senderSentence: sender === '' ? NAMES_NOBODY : namesSender(sender),
    fingerprint: groups.join(' '),
    fingerprintBlock: [groups.slice(0, groups.length / 2), groups.slice(groups.length / 2)]
      .map((half) => `    ${half.join(' ')}`)
      .join('\n'),
    fingerprintHex: fingerprint,
    publicKeyPem: publicKey.export({ format: 'pem', type: 'spki' }).toString().trimEnd(),
    wrappedKeySize: String(Math.ceil(bits / BITS_PER_BYTE)),
    modulus: Buffer.from(n, 'base64url').toString('base64'),
    exponent: Buffer.from(e, 'base64url').toString('base64'),
    uploadDestination: upload ?? 'user@host:directory',
    uploadPhrase: upload === undefined ? '' : ` to ${upload}`,
    downloadLimit: `${DOWNLOAD_LIMIT_MIB} MiB`,
  };
}

/** For README.txt, in its width. */
const NAMES_NOBODY = 'The manifest does not name you: what you send says by itself nothing of who sent it.';

function namesSender(sender: string): string {
  return [
    'The manifest names you, sealed in with the rest:',
    '',
    `    ${sender}`,
    '',
    'The receiver takes what names you from your own place of upload alone, so that nobody can pass your file off as theirs. By',
    'hand, as below, there is no manifest, and nothing names you.',
  ].join('\n');
}

function fillPage({ sender, upload }: KitOptions, { spki, fingerprint, title }: KeyFacts): string {
  return buildPage({
    title,
    sender,
    fingerprintGroups: fingerprintGroups(fingerprint),
    kit: {
      fingerprint,
      publicKey: spki.toString('base64'),
      sender: sender ?? null,
      upload: upload ?? null,
      downloadLimit: DOWNLOAD_LIMIT_MIB * MEBIBYTE,
    },
  });
}

function textFile(name: string, text: string): KitFile {
  return { name, mode: PLAIN, bytes: Buffer.from(text) };
}
