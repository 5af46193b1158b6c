import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatOaep, OAEP_HASHES, oaepWith, parseOaep } from '../../src/keys/oaep-parameters.ts';

describe('OAEP parameters', () => {
  it.each([...OAEP_HASHES])('%s alone means that hash for MGF1 too and no label', (hash) => {
    expect(parseOaep(hash)).toEqual(oaepWith(hash));
    expect(formatOaep(oaepWith(hash))).toBe(hash);
  });

  it.each(['SHA256', 'Sha256', 'SHA-256', 'SHA2-256', ' sha256\n'])('%j is sha256', (text) => {
    expect(parseOaep(text)).toEqual(oaepWith('sha256'));
  });

  it.each(['SHA1', 'SHA-1', 'rsa_padding_mode:oaep'])('%j is sha1', (text) => {
    expect(parseOaep(text)).toEqual(oaepWith('sha1'));
  });

  it.each([
    'rsa_oaep_md:sha256 rsa_mgf1_md:sha1 rsa_oaep_label:6b6579',
    'rsa_oaep_md:sha256,rsa_mgf1_md:sha1,rsa_oaep_label:6B6579',
    '-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha1 -pkeyopt rsa_oaep_label:6b6579',
    'rsa_oaep_label:6b6579\trsa_mgf1_md:SHA1\r\nrsa_oaep_md:SHA256',
  ])("openssl's options are read: %j", (text) => {
    expect(parseOaep(text)).toEqual({ hash: 'sha256', mgf1Hash: 'sha1', label: Uint8Array.from(Buffer.from('key')) });
  });

  it("an absent rsa_oaep_md is openssl's SHA-1, an absent rsa_mgf1_md the OAEP hash", () => {
    expect(parseOaep('rsa_mgf1_md:sha256')).toMatchObject({ hash: 'sha1', mgf1Hash: 'sha256' });
    expect(parseOaep('rsa_oaep_md:sha512')).toMatchObject({ hash: 'sha512', mgf1Hash: 'sha512' });
  });

  it.each([
    ['', 'missing'],
    ['md5', '"md5"'],
    ['sha3-256', '"sha3-256"'],
    ['sha256 sha1', '"sha256"'],
    ['rsa_oaep_md:whirlpool', '"whirlpool"'],
    ['rsa_oaep_mb:sha256', '"rsa_oaep_mb:sha256"'],
    ['rsa_padding_mode:pkcs1', '"pkcs1"'],
    ['rsa_oaep_label:6b6', '"6b6"'],
    ['rsa_oaep_md:sha256 rsa_oaep_md:sha1', 'rsa_oaep_md is given twice'],
  ])('%j is bad-parameters, naming what is not understood', (text, named) => {
    expect(() => parseOaep(text)).toThrow(
      expect.objectContaining({ code: 'bad-parameters', message: expect.stringContaining(named) }),
    );
  });

  it('what formatOaep writes parseOaep reads back, whatever the parameters', () => {
    const parameters = fc.record({
      hash: fc.constantFrom(...OAEP_HASHES),
      mgf1Hash: fc.constantFrom(...OAEP_HASHES),
      label: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(parameters, (oaep) => {
        const read = parseOaep(formatOaep(oaep));
        expect(read).toEqual(oaep);
        expect(formatOaep(read)).toBe(formatOaep(oaep));
      }),
    );
  });
});
