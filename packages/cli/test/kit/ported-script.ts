/** encrypt.ps1's algorithm, step for step and with the script's own constants, for machines without PowerShell. */
import {
  constants,
  createCipheriv,
  createHash,
  createHmac,
  createPublicKey,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Facts {
  readonly Name: string;
  readonly Stem: string;
  readonly Facts: Readonly<Record<'PayloadSize' | 'PlaintextSize' | 'Mac', string | number>>;
}

export class PortedScript {
  readonly #script: string;

  /** @param script the text of a kit's encrypt.ps1 */
  constructor(script: string) {
    this.#script = script;
  }

  /** A value that the script assigns, as written. */
  #valueOf(variable: string): string {
    const value = new RegExp(String.raw`^\$${variable} = '?(.*?)'?$`, 'm').exec(this.#script)?.[1];
    if (value === undefined) throw new Error(`the script sets no ${variable}`);
    return value.replaceAll("''", "'");
  }

  /** `Get-KeyAndIvSlowly`. */
  #keyAndIv(passphrase: Buffer, salt: Buffer): Buffer {
    const derived = Buffer.alloc(64);
    for (const block of [1, 2]) {
      let last = createHmac('sha256', passphrase)
        .update(Buffer.from([...salt, 0, 0, 0, block]))
        .digest();
      const sum = Buffer.from(last);
      for (let round = 1; round < Number(this.#valueOf('Iterations')); round++) {
        last = createHmac('sha256', passphrase).update(last).digest();
        for (let i = 0; i < 32; i++) sum.writeUInt8((sum[i] ?? 0) ^ (last[i] ?? 0), i);
      }
      sum.copy(derived, 32 * (block - 1), 0, 32);
    }
    return derived.subarray(0, 48);
  }

  /** `Protect-KeyFile`: RSAParameters from the script's modulus and exponent. */
  #protectKeyFile(keyFile: Buffer): Buffer {
    const toUrl = (base64: string) => Buffer.from(base64, 'base64').toString('base64url');
    const jwk = { kty: 'RSA', n: toUrl(this.#valueOf('Modulus')), e: toUrl(this.#valueOf('Exponent')) };
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, keyFile);
  }

  /** `Format-Manifest`, by reading its own lines: expressions in strings are looked up, backquotes taken away. */
  #formatManifest(given: Facts): string {
    const body = /(\$lines = @\([^]*?)\n  return \$lines/.exec(this.#script)?.[1] ?? '';
    const said = this.#valueOf('SenderName') === '' ? body.replace(/^ *if \(\$SenderName\).*$/m, '') : body;
    const literals = [...said.matchAll(/'([^']*)'|"((?:`.|\$\(ConvertTo-JsonText "[^"]*"\)|[^"`])*)"/g)];
    const expand = (text: string): string =>
      text
        .replaceAll(
          /\$\(ConvertTo-JsonText ("?)(.*?)\1\)/g,
          (_all, _quote, inner: string) => `"${expand(inner).replaceAll('"', '\\"')}"`,
        )
        .replaceAll(/\$\(\$Facts\.(\w+)\)/g, (_all, field: keyof Facts['Facts']) => String(given.Facts[field]))
        .replaceAll(/\$(Name|Stem)/g, (_all, field: 'Name' | 'Stem') => given[field])
        .replaceAll(/\$(Fingerprint|Iterations|SenderName)/g, (_all, variable: string) => this.#valueOf(variable))
        .replaceAll('`"', '"');
    return literals.map(([, plain, expanded]) => plain ?? expand(expanded ?? '')).join('\n');
  }

  /** `Protect-File`. */
  protectFile(name: string, plaintext: Buffer, folder: string): void {
    const suffixed = new RegExp(/\$name -cmatch '(.*)'/.exec(this.#script)?.[1] ?? '').test(name);
    const stem = suffixed ? `${name}.data` : name;
    const passphrase = Buffer.from(randomBytes(32).toString('base64'));
    const salt = randomBytes(8);
    const secret = this.#keyAndIv(passphrase, salt);
    const cipher = createCipheriv('aes-256-cbc', secret.subarray(0, 32), secret.subarray(32, 48));
    const payload = Buffer.concat([Buffer.from('Salted__'), salt, cipher.update(plaintext), cipher.final()]);
    const sender = this.#valueOf('SenderName');
    const context = `sealdrop/v1/mac\n${this.#valueOf('Flags')}\n${name}\n${sender === '' ? '' : `${sender}\n`}`;
    const macKey = createHash('sha256').update(context).update(passphrase).digest();
    const mac = createHmac('sha256', macKey).update(payload).digest('hex');
    const facts = { PayloadSize: payload.length, PlaintextSize: plaintext.length, Mac: mac };
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${stem}.enc`), payload);
    writeFileSync(
      join(folder, `${stem}.keypke.bin.enc`),
      this.#protectKeyFile(Buffer.concat([passphrase, Buffer.from([10])])),
    );
    writeFileSync(join(folder, `${stem}.alg`), `openssl enc ${this.#valueOf('Flags')}\noaep: sha256\n`);
    writeFileSync(
      join(folder, `${stem}.manifest.json`),
      this.#formatManifest({ Name: name, Stem: stem, Facts: facts }),
    );
  }
}
