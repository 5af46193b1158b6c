/** SHA-256 and HMAC, fed piece by piece: WebCrypto hashes only what is in memory as a whole. */

const BLOCK_SIZE = 64;
const LENGTH_SIZE = 8;
const ROUNDS = 64;

/** FIPS 180-4 §4.2.2 and §5.3.3: the first 32 bits of the fractional parts of the roots of the first primes. */
function fractionalBits(root) {
  return ((root % 1) * 2 ** 32) | 0;
}

function firstPrimes(count) {
  const primes = [];
  for (let candidate = 2; primes.length < count; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes;
}

const PRIMES = firstPrimes(ROUNDS);
const ROUND_CONSTANTS = Int32Array.from(PRIMES, (prime) => fractionalBits(Math.cbrt(prime)));
const INITIAL_STATE = Int32Array.from(PRIMES.slice(0, 8), (prime) => fractionalBits(Math.sqrt(prime)));

/** FIPS 180-4 §6.2.2, step 1. */
function fillSchedule(words, bytes, offset) {
  for (let t = 0, i = offset; t < 16; t++, i += 4) {
    words[t] = (bytes[i] << 24) | (bytes[i + 1] << 16) | (bytes[i + 2] << 8) | bytes[i + 3];
  }
  for (let t = 16; t < ROUNDS; t++) {
    const x = words[t - 15];
    const y = words[t - 2];
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[t] = (words[t - 16] + small0 + words[t - 7] + small1) | 0;
  }
}

/** FIPS 180-4 §6.2.2, steps 2 to 4. */
function compress(state, words) {
  // Not by destructuring, which goes through an iterator for each block.
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let t = 0; t < ROUNDS; t++) {
    const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const first = (h + big1 + ((e & f) ^ (~e & g)) + ROUND_CONSTANTS[t] + words[t]) | 0;
    const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const second = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

export class Sha256 {
  #state = INITIAL_STATE.slice();
  #words = new Int32Array(ROUNDS);
  #rest = new Uint8Array(BLOCK_SIZE);
  #restLength = 0;
  #size = 0;

  update(bytes) {
    this.#size += bytes.length;
    let offset = 0;
    if (this.#restLength > 0) {
      offset = Math.min(BLOCK_SIZE - this.#restLength, bytes.length);
      this.#rest.set(bytes.subarray(0, offset), this.#restLength);
      this.#restLength += offset;
      if (this.#restLength < BLOCK_SIZE) return this;
      this.#takeBlock(this.#rest, 0);
    }
    for (; offset + BLOCK_SIZE <= bytes.length; offset += BLOCK_SIZE) this.#takeBlock(bytes, offset);
    this.#rest.set(bytes.subarray(offset));
    this.#restLength = bytes.length - offset;
    return this;
  }

  #takeBlock(bytes, offset) {
    fillSchedule(this.#words, bytes, offset);
    compress(this.#state, this.#words);
  }

  /** Ends it. */
  digest() {
    const bits = BigInt(this.#size) * 8n;
    const zeros = BLOCK_SIZE - 1 - ((this.#size + LENGTH_SIZE) % BLOCK_SIZE);
    const padding = new Uint8Array(1 + zeros + LENGTH_SIZE);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(1 + zeros, bits);
    this.update(padding);
    const digest = new DataView(new ArrayBuffer(4 * this.#state.length));
    this.#state.forEach((word, index) => digest.setInt32(4 * index, word));
    return new Uint8Array(digest.buffer);
  }
}

/** RFC 2104, for keys of at most 64 bytes. */
export class HmacSha256 {
  #inner;
  #outer;

  constructor(key) {
    const padded = new Uint8Array(BLOCK_SIZE);
    padded.set(key);
    this.#inner = new Sha256().update(padded.map((byte) => byte ^ 0x36));
    this.#outer = new Sha256().update(padded.map((byte) => byte ^ 0x5c));
    padded.fill(0);
  }

  update(bytes) {
    this.#inner.update(bytes);
    return this;
  }

  digest() {
    return this.#outer.update(this.#inner.digest()).digest();
  }
}
