/** The command lines of a diagnosis: one pipeline of stock openssl, in which the key never touches a disk, and one of sealdrop. */
import { formatOaep } from '../keys/oaep-parameters.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { readAsText } from '../openssl/header.ts';
import { formatFlags } from '../openssl/parameters.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import type { OpeningCommands, Repair } from './diagnosis.ts';
import { keyFileReading } from './key-file-readings.ts';
import type { EnvelopeMembers } from './naming.ts';
import { armorOf } from './payload-variants.ts';
import { wrappedKeyFilter } from './wrapped-key-readings.ts';

export interface CommandInputs {
  readonly repair: Repair;
  readonly members: EnvelopeMembers;
  /** The contents of the wrapped key file (of the payload's, when the two are swapped). */
  readonly wrappedKey: Buffer;
  /** The payload file's first bytes. */
  readonly payload: Buffer;
  /** Whether sealdrop must be told to take a plaintext that looks like noise. */
  readonly noise: 'expected' | 'not-expected';
  /** The same of a passphrase that others could guess. */
  readonly passphrase: 'weak' | 'strong';
}

/** A word as POSIX shell reads it back. */
export function quoteShellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Like `quoteShellWord`, for a path: one that begins with a dash is no option. */
function quotePath(path: string): string {
  return quoteShellWord(path.startsWith('-') ? `./${path}` : path);
}

export function openingCommands(inputs: CommandInputs): OpeningCommands {
  return { openssl: opensslCommand(inputs), sealdrop: sealdropCommand(inputs) };
}

export interface DiagnoseCommandInputs {
  readonly payload: string;
  /** As `openKey` takes them. */
  readonly keyNames: readonly string[];
  /** openssl flags to go by, whatever the envelope says. */
  readonly parameters?: string | undefined;
  readonly oaep?: string | undefined;
}

/** The command line that makes a diagnosis by hand, for a POSIX shell. */
export function diagnoseCommand({ payload, keyNames, parameters, oaep }: DiagnoseCommandInputs): string {
  return [
    `sealdrop diagnose ${quotePath(payload)}`,
    ...keyNames.map((name) => `--key ${quoteShellWord(name)}`),
    ...(parameters === undefined ? [] : [`--parameters ${quoteShellWord(parameters)}`]),
    ...(oaep === undefined ? [] : [`--oaep ${quoteShellWord(oaep)}`]),
  ].join(' ');
}

function pathsOf({ repair, members }: CommandInputs): { readonly payload: string; readonly wrappedKey: string } {
  const { payload, wrappedKey } = members;
  return repair.members === 'swapped' ? { payload: wrappedKey, wrappedKey: payload } : { payload, wrappedKey };
}

function oaepOptions({ hash, mgf1Hash, label }: OaepParameters): string {
  const options = ['rsa_padding_mode:oaep', `rsa_oaep_md:${hash}`];
  if (mgf1Hash !== hash) options.push(`rsa_mgf1_md:${mgf1Hash}`);
  if (label.length > 0) options.push(`rsa_oaep_label:${Buffer.from(label).toString('hex')}`);
  return options.map((option) => `-pkeyopt ${option}`).join(' ');
}

const KMS_ALGORITHMS: Readonly<Record<string, string>> = { sha1: 'RSAES_OAEP_SHA_1', sha256: 'RSAES_OAEP_SHA_256' };

/** The pipeline that writes the key file to standard output. */
function unwrapCommand(inputs: CommandInputs): string | null {
  const { keyName, oaep, wrappedKey: reading, wrappedKeySize } = inputs.repair;
  const path = quotePath(pathsOf(inputs).wrappedKey);
  const filter = wrappedKeyFilter(inputs.wrappedKey, reading, wrappedKeySize);
  const pem = /^file:(.+)$/s.exec(keyName)?.[1];
  if (pem !== undefined) {
    const decrypt = `openssl pkeyutl -decrypt -inkey ${quotePath(pem)} ${oaepOptions(oaep)}`;
    return filter === null ? `${decrypt} -in ${path}` : `< ${path} ${filter} | ${decrypt}`;
  }
  const keyId = /^aws-kms:(.+)$/.exec(keyName)?.[1];
  const algorithm = KMS_ALGORITHMS[oaep.hash];
  if (keyId === undefined || algorithm === undefined) return null;
  const decrypt = `aws kms decrypt --key-id ${quoteShellWord(keyId)} --encryption-algorithm ${algorithm}`;
  const answer = '--query Plaintext --output text | openssl base64 -d -A';
  if (filter === null) return `${decrypt} --ciphertext-blob fileb://${path} ${answer}`;
  return `< ${path} ${filter} | ${decrypt} --ciphertext-blob fileb:///dev/stdin ${answer}`;
}

function withFilter(command: string, filter: string | null): string {
  return filter === null ? command : `${command} | ${filter}`;
}

/** As `openssl enc -kfile` reads it. */
const KFILE_FILTER = "head -c 127 | head -n 1 | tr -d '\\r'";

/** Sealdrop takes base64 text however its lines are broken; openssl wants to be told of one long line. */
function armorAsItIs({ repair: { parameters }, payload }: CommandInputs): EncParameters['armor'] {
  return parameters.armor === 'none' ? 'none' : armorOf(readAsText(payload), 'none');
}

function encFlags(inputs: CommandInputs): string {
  return formatFlags({ ...inputs.repair.parameters, armor: armorAsItIs(inputs), passphraseRule: 'file' });
}

function opensslCommand(inputs: CommandInputs): string | null {
  const { parameters, keyFile } = inputs.repair;
  const unwrap = unwrapCommand(inputs);
  if (unwrap === null) return null;
  const source = withFilter(unwrap, keyFileReading(keyFile).shell);
  const output = `-out ${quotePath(inputs.repair.plaintextName)}`;
  if (parameters.keyDerivation.method === 'raw-key') return rawKeyCommand(inputs, source, output);
  const flags = encFlags(inputs);
  if (parameters.passphraseRule === 'argument') {
    const enc = `openssl enc -d ${flags} -pass env:PASSPHRASE ${output}`;
    return `PASSPHRASE="$(${source})" sh -c ${quoteShellWord(withPayload(inputs, enc))}`;
  }
  const passphrase = parameters.passphraseRule === 'kfile' ? `${source} | ${KFILE_FILTER}` : source;
  if (payloadFilter(inputs) === null) {
    return `${passphrase} | ${withPayload(inputs, `openssl enc -d ${flags} -pass stdin ${output}`)}`;
  }
  return `${passphrase} | { ${withPayload(inputs, `openssl enc -d ${flags} -pass fd:3 ${output}`)}; } 3<&0`;
}

const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** The filter that gives openssl the payload as it wrote it; null when the file is that. */
function payloadFilter({ repair, payload }: CommandInputs): string | null {
  if (repair.payload !== 'as-sent') return `head -c ${repair.payloadSize}`;
  // In front of base64 text Sealdrop overlooks it, and openssl does not.
  if (repair.parameters.armor === 'none') return null;
  return payload.subarray(0, UTF8_MARK.length).equals(UTF8_MARK) ? `tail -c +${UTF8_MARK.length + 1}` : null;
}

function withPayload(inputs: CommandInputs, enc: string): string {
  const path = quotePath(pathsOf(inputs).payload);
  const filter = payloadFilter(inputs);
  return filter === null ? `${enc} -in ${path}` : `${filter} ${path} | ${enc}`;
}

function rawKeyCommand(inputs: CommandInputs, source: string, output: string): string {
  const flags = encFlags(inputs)
    .replace('cat key.bin', () => source)
    .replace('od -An -v -tx1 key.bin', () => `${source} | od -An -v -tx1`);
  return withPayload(inputs, `openssl enc -d ${flags} ${output}`);
}

/** What no flag can say is found again by `--repair`, at once, since the parameters are given. */
function sealdropCommand(inputs: CommandInputs): string {
  const { repair, members, noise, passphrase } = inputs;
  const { members: order, wrappedKey, keyFile, payload } = repair;
  const isPlain = order === 'as-named' && wrappedKey === 'as-sent' && keyFile === 'as-sent' && payload === 'as-sent';
  return [
    'sealdrop decrypt',
    `--payload ${quotePath(members.payload)}`,
    `--wrapped-key ${quotePath(members.wrappedKey)}`,
    ...(members.manifest === null ? [] : [`--manifest ${quotePath(members.manifest)}`]),
    `--parameters ${quoteShellWord(formatFlags(repair.parameters))}`,
    `--oaep ${quoteShellWord(formatOaep(repair.oaep))}`,
    `--key ${quoteShellWord(repair.keyName)}`,
    ...(isPlain ? [] : ['--repair']),
    ...(noise === 'expected' ? ['--allow-noise'] : []),
    ...(passphrase === 'weak' ? ['--allow-weak-key'] : []),
  ].join(' ');
}
