/** One file into an envelope that `openssl enc -d` and Sealdrop open. */
import { checkName, memberNames } from './names.js';
import { HmacSha256, Sha256 } from './sha256.js';

const ITERATIONS = 10_000;
const FLAGS = `-aes-256-cbc -pbkdf2 -md sha256 -iter ${ITERATIONS}`;
const KEY_FILE_SECRET_SIZE = 32;
const SALT_SIZE = 8;
const AES_BLOCK_SIZE = 16;
const AES_KEY_SIZE = 32;
/** Bytes of plaintext in memory at a time: a multiple of the AES block. */
const SLICE_SIZE = 4 * 1024 * 1024;

const encodeText = (text) => new TextEncoder().encode(text);

export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** The first line of the key file, like `openssl rand -base64 32`. */
function randomPassphrase() {
  const secret = crypto.getRandomValues(new Uint8Array(KEY_FILE_SECRET_SIZE));
  const passphrase = encodeText(btoa(String.fromCharCode(...secret)));
  secret.fill(0);
  return passphrase;
}

/** RSAES-OAEP with SHA-256; the key file ends with a line feed. */
async function wrapKeyFile(passphrase, publicKey) {
  const algorithm = { name: 'RSA-OAEP', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('spki', publicKey, algorithm, false, ['encrypt']);
  const keyFile = new Uint8Array([...passphrase, 0x0a]);
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, key, keyFile));
}

/** As `openssl enc -pbkdf2` does: 32 bytes of key, 16 of IV. */
async function deriveKeyAndIv(passphrase, salt) {
  const material = await crypto.subtle.importKey('raw', passphrase, 'PBKDF2', false, ['deriveBits']);
  const derivation = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: ITERATIONS };
  const bits = await crypto.subtle.deriveBits(derivation, material, (AES_KEY_SIZE + AES_BLOCK_SIZE) * 8);
  const key = await crypto.subtle.importKey('raw', bits.slice(0, AES_KEY_SIZE), 'AES-CBC', false, ['encrypt']);
  return { key, iv: new Uint8Array(bits.slice(AES_KEY_SIZE)) };
}

async function readSlice(file, start) {
  const slice = file.slice(start, start + SLICE_SIZE);
  const bytes = await slice.arrayBuffer();
  if (bytes.byteLength !== slice.size) throw new DOMException('changed while it was read', 'NotReadableError');
  return bytes;
}

/**
 * WebCrypto has no CBC that goes on: each slice is a message of its own, with the last ciphertext block as IV, and the block of
 * padding that WebCrypto adds is kept only at the end.
 */
async function* encryptSlices(file, secret, signal) {
  let { iv } = secret;
  for (let start = 0; ; start += SLICE_SIZE) {
    signal.throwIfAborted();
    const isLast = start + SLICE_SIZE >= file.size;
    const slice = await readSlice(file, start);
    const padded = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, secret.key, slice));
    const ciphertext = isLast ? padded : padded.subarray(0, slice.byteLength);
    yield { ciphertext, done: start + slice.byteLength };
    if (isLast) return;
    iv = ciphertext.slice(-AES_BLOCK_SIZE);
  }
}

/** Its key binds parameters, name and sender to the payload. */
function payloadMac(file, passphrase, sender) {
  const lines = ['sealdrop/v1/mac', FLAGS, file.name, ...(sender === null ? [] : [sender]), ''];
  return new HmacSha256(
    new Sha256()
      .update(encodeText(lines.join('\n')))
      .update(passphrase)
      .digest(),
  );
}

/** Writes the payload. @returns its size and MAC */
async function writePayload(file, passphrase, { mac, writer, signal, onProgress }) {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_SIZE));
  let size = 0;
  const write = async (bytes) => {
    mac.update(bytes);
    size += bytes.length;
    await writer.write(bytes);
  };
  await write(new Uint8Array([...encodeText('Salted__'), ...salt]));
  for await (const { ciphertext, done } of encryptSlices(file, await deriveKeyAndIv(passphrase, salt), signal)) {
    await write(ciphertext);
    onProgress(done);
  }
  await writer.close();
  return { size, mac: toHex(mac.digest()) };
}

function formatManifest(file, payload, { fingerprint, sender }) {
  const names = memberNames(file.name);
  const manifest = {
    sealdrop: 1,
    ...(sender === null ? {} : { sender }),
    payload: { file: names.payload, size: payload.size },
    key: { file: names.wrappedKey, oaep: 'sha256', publicKeySha256: fingerprint },
    parameters: { cipher: 'aes-256-cbc', kdf: 'pbkdf2', digest: 'sha256', iterations: ITERATIONS },
    mac: { algorithm: 'hmac-sha256', value: payload.mac },
    plaintext: { name: file.name, size: file.size },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

async function writeSmall(sink, name, contents) {
  const writer = await sink.create(name);
  await writer.write(typeof contents === 'string' ? encodeText(contents) : contents);
  await writer.close();
}

/**
 * Makes the envelope of `file` in `sink`; the manifest last, since with it the envelope counts as complete. When it rejects, the
 * sink is empty again.
 * @param parties `{publicKey, fingerprint, sender}`: the receiver's SubjectPublicKeyInfo as DER, and its SHA-256 in hexadecimal; as whom they
 * know the sender, or null
 * @param work `{sink, signal, onProgress}`; progress is told in bytes of plaintext
 */
export async function sealFile(file, parties, { sink, signal, onProgress }) {
  const names = memberNames(checkName(file.name));
  for (const name of Object.values(names)) {
    if (await sink.exists(name)) throw new Error(`${name} is in that folder already: choose another one`);
  }
  const passphrase = randomPassphrase();
  try {
    const wrappedKey = await wrapKeyFile(passphrase, parties.publicKey);
    const payload = await writePayload(file, passphrase, {
      mac: payloadMac(file, passphrase, parties.sender),
      writer: await sink.create(names.payload),
      signal,
      onProgress,
    });
    await writeSmall(sink, names.wrappedKey, wrappedKey);
    await writeSmall(sink, names.note, `openssl enc ${FLAGS}\noaep: sha256\n`);
    await writeSmall(sink, names.manifest, formatManifest(file, payload, parties));
  } catch (error) {
    await sink.discard();
    throw error;
  } finally {
    passphrase.fill(0);
  }
}
