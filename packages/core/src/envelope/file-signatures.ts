/**
 * What known kinds of files begin with, and how much such a beginning proves.
 *
 * A table of our own, since a library (`file-type`, `magic-bytes.js`) gives a name but not how many bits it compared, and the odds
 * of a false alarm need just that: two fixed bytes prove little, PNG's sixteen prove all. Sources: the formats' own specifications
 * and file(1)'s magic(5).
 */

export interface SignatureMatch {
  /** With its article, for sentences: `a ZIP archive`. */
  readonly name: string;
  /** -log2 of the chance that random bytes match this one pattern. */
  readonly bits: number;
  /** What such a file is made of: other files, which may well be encrypted; what another program encrypted; or what anyone can read. */
  readonly packs: 'files' | 'ciphertext' | 'plaintext';
}

interface FileSignature extends SignatureMatch {
  readonly offset: number;
  /** By byte from `offset`: the values it may have, or null for any. */
  readonly pattern: readonly (readonly number[] | null)[];
}

/** Bytes from the beginning that the table looks at. */
export const SIGNATURE_REACH = 512;

const BITS_PER_BYTE = 8;
const HEXADECIMAL = 16;

const text = (ascii: string): string => Buffer.from(ascii, 'latin1').toString('hex').replaceAll(/../g, '$& ').trim();

/** Name, bytes in hexadecimal (`|` between alternatives, `..` for any), and the offset unless it is 0. */
type Row = readonly [name: string, bytes: string, offset?: number];

const ARCHIVES: readonly Row[] = [
  ['a ZIP archive', '50 4b 03 04 0a|14|2d|33 00|03 .. .. 00|08|09|0c|0e|5d|63 00'],
  ['an empty ZIP archive', '50 4b 05 06 00 00 00 00 00 00 00 00'],
  ['gzip data', '1f 8b 08 00|01|04|08|0c|10|18 .. .. .. .. 00|02|04 00|03|07|0a|0b|13|ff'],
  ['bzip2 data', `42 5a 68 31|32|33|34|35|36|37|38|39 31 41 59 26 53 59`],
  ['xz data', 'fd 37 7a 58 5a 00 00 00|01|04|0a'],
  ['LZMA data', '5d 00 00 00|01|02|04|08|10|20|40|80 00|01|02|04|08|10'],
  ['Zstandard data', '28 b5 2f fd'],
  ['LZ4 data', '04 22 4d 18'],
  ['zlib data', '78 01|5e|9c|da'],
  ['lzip data', `${text('LZIP')} 01`],
  ['LZO data', '89 4c 5a 4f 00 0d 0a 1a 0a'],
  ['lrzip data', `${text('LRZI')} 00`],
  ['Snappy data', `ff 06 00 00 ${text('sNaPpY')}`],
  ['LZFSE data', `${text('bvx')} 2d|31|32|6e`],
  ['a xar archive', `${text('xar!')} 00 1c`],
  ['a SquashFS image', `${text('hsqs')} .. .. .. ..`],
  ['a Windows image', `${text('MSWIM')} 00 00 00`],
  ['a 7z archive', '37 7a bc af 27 1c 00 02|03|04'],
  ['a RAR archive', `${text('Rar!')} 1a 07 00|01`],
  ['a tar archive', `${text('ustar')} 00|20`, 257],
  ['a cpio archive', `${text('07070')} 31|32|37`],
  ['a Unix archive', text('!<arch>\n')],
  ['an RPM package', 'ed ab ee db'],
  ['a cabinet file', `${text('MSCF')} 00 00 00 00`],
];

const DOCUMENTS: readonly Row[] = [
  ['a PDF document', `${text('%PDF-')} 31|32 2e`],
  ['a PostScript document', text('%!PS-Adobe-')],
  ['an Office document', 'd0 cf 11 e0 a1 b1 1a e1'],
  ['an RTF document', text('{\\rtf1')],
  ['XML text', text('<?xml ')],
  ['UTF-8 text', 'ef bb bf'],
  ['UTF-16 text', 'ff fe .. 00 .. 00'],
  ['UTF-16 text', 'fe ff 00 .. 00 ..'],
  ['a DjVu document', text('AT&TFORM')],
  ['a Photoshop document', `${text('8BPS')} 00 01|02 00 00 00 00 00 00`],
  ['an Access database', `00 01 00 00 ${text('Standard ')}`],
  ['a DICOM file', text('DICM'), 128],
];

const DATA: readonly Row[] = [
  ['a Parquet file', text('PAR1')],
  ['an ORC file', text('ORC')],
  ['an Avro file', `${text('Obj')} 01`],
  ['an Arrow file', `${text('ARROW1')} 00 00`],
  ['an HDF5 file', '89 48 44 46 0d 0a 1a 0a'],
  ['a netCDF file', `${text('CDF')} 01|02|05 .. .. .. ..`],
  ['a GRIB file', `${text('GRIB')} .. .. .. 01|02`],
  ['an R workspace', `${text('RDX')} 32|33 0a`],
  ['an SPSS file', `${text('$FL')} 32|33 ${text('@(#)')}`],
  ['a SAS data set', '00 00 00 00 00 00 00 00 00 00 00 00 c2 ea 81 60 b3 14 11 cf bd 92 08 00 09 c7 31 8c 18 1f 10 11'],
  ['a Feather file', text('FEA1')],
  ['an Oracle dump', `03 .. .. ${text('EXPORT:V')}`],
  ['a SQL Server backup', `${text('TAPE')} .. .. .. .. 8c 00 0e 01`],
  ['a MySQL backup', `${text('XBSTCK')} 30 31`],
  ['a Python pickle', '80 04|05 95 .. .. .. .. .. .. 00 00'],
  ['a SQLite database', `${text('SQLite format 3')} 00`],
  ['a PostgreSQL dump', text('PGDMP')],
  ['a NumPy array', `93 ${text('NUMPY')} 01|02|03 00`],
  ['a shapefile', '00 00 27 0a 00 00 00 00'],
  ['a packet capture', 'd4 c3 b2 a1 02 00 04 00'],
  ['a packet capture', 'a1 b2 c3 d4 00 02 00 04'],
  ['a packet capture', '4d 3c b2 a1 02 00 04 00'],
  ['a packet capture', '0a 0d 0d 0a'],
  ['serialized Java objects', 'ac ed 00 05'],
  ['a disk image', `${text('QFI')} fb 00 00 00`],
  ['a disk image', `${text('KDMV')} 01|02|03 00 00 00`],
  ['a disk image', text('vhdxfile')],
  ['a disk image', text('conectix')],
];

const MEDIA: readonly Row[] = [
  ['a PNG image', '89 50 4e 47 0d 0a 1a 0a 00 00 00 0d 49 48 44 52'],
  ['a JPEG image', 'ff d8 ff c0|db|e0|e1|e2|ee'],
  ['a GIF image', `${text('GIF8')} 37|39 61`],
  ['a TIFF image', '49 49 2a 00'],
  ['a TIFF image', '4d 4d 00 2a'],
  ['a BMP image', '42 4d .. .. .. .. 00 00 00 00'],
  ['a RIFF file (WAV, AVI, WebP)', `${text('RIFF')} .. .. .. .. 41|57 41|45|56 42|49|56 20|45|50`],
  ['an MP4 or HEIF file', `00 00 00 .. ${text('ftyp')}`],
  ['a Matroska file', '1a 45 df a3'],
  ['an Ogg file', `${text('OggS')} 00`],
  ['a FLAC file', `${text('fLaC')} 00|80 00 00 22`],
  ['a JPEG XL image', '00 00 00 0c 4a 58 4c 20 0d 0a 87 0a'],
  ['a JPEG 2000 image', '00 00 00 0c 6a 50 20 20 0d 0a 87 0a'],
  ['a WMA or WMV file', '30 26 b2 75 8e 66 cf 11 a6 d9 00 aa 00 62 ce 6c'],
  ['an MP3 file', `${text('ID3')} 02|03|04 00`],
];

const FONTS: readonly Row[] = [
  ['a web font', `${text('wOFF')} 00 01 00 00`],
  ['a web font', `${text('wOFF')} ${text('OTTO')}`],
  ['a web font', `${text('wOF2')} 00 01 00 00`],
  ['a web font', `${text('wOF2')} ${text('OTTO')}`],
  ['a font', `${text('OTTO')} 00 .. .. .. 00 .. .. ..`],
  ['a font', '00 01 00 00 00 .. .. .. 00 .. .. ..'],
  ['fonts', `${text('ttcf')} 00 01|02 00 00 00 00 00`],
];

const PROGRAMS: readonly Row[] = [
  ['an ELF program', '7f 45 4c 46 01|02 01|02 01'],
  ['a Windows program', '4d 5a .. .. .. 00 00|01 00|01'],
  ['a Mach-O program', 'cf|ce fa ed fe'],
  ['a Java class', 'ca fe ba be 00 00 00'],
  ['a WebAssembly module', '00 61 73 6d 01 00 00 00'],
];

const CIPHERTEXTS: readonly Row[] = [
  ['another payload of openssl enc', text('Salted__')],
  ['another payload of openssl enc, in base64', text('U2FsdGVkX1')],
  ['an age file', text('age-encryption.org/v1')],
  ['an age file', text('-----BEGIN AGE ENCRYPTED FILE-----')],
  ['an AES Crypt file', `${text('AES')} 01|02|03 00`],
  ['an AxCrypt file', 'c0 b9 07 2e 4f 93 f1 46 a0 15 79 2c a1 d9 e8 21'],
  ['a file of scrypt(1)', `${text('scrypt')} 00`],
  ['a KeePass database', '03 d9 a2 9a 65|66|67 fb 4b b5'],
  ['a PKCS #12 file', '30 82 .. .. 02 01 03 30 82 .. .. 06 09 2a 86 48 86 f7 0d 01 07'],
  ['a PGP message', text('-----BEGIN PGP MESSAGE-----')],
  ['a PGP message', '84|85 01|02|03 .. 03'],
  // RFC 9580: to an X25519 key; with a passphrase and AES (iterated and salted).
  ['a PGP message', '84 5e 03 .. .. .. .. .. .. .. .. 12 01 07 40'],
  ['a PGP message', '8c 0d 04 07|08|09 03 02|08|09|0a'],
  // The same in packets of RFC 9580's own format.
  ['a PGP message', 'c1 c0|c1 .. 03'],
  ['a PGP message', 'c3 0d 04 07|08|09 03 02|08|09|0a'],
  ['a LUKS volume', `${text('LUKS')} ba be 00 01|02`],
  ['a CMS message', '30 80|82|83|84 .. .. .. .. 06 09 2a 86 48 86 f7 0d 01 07'],
  ['a CMS message', '30 82 .. .. 06 09 2a 86 48 86 f7 0d 01 07'],
  ['a CMS message', '30 80 06 09 2a 86 48 86 f7 0d 01 07'],
  ['a CMS message', text('-----BEGIN CMS-----')],
  ['a CMS message', text('-----BEGIN PKCS7-----')],
];

function toSignature([name, bytes, offset = 0]: Row, packs: FileSignature['packs']): FileSignature {
  const pattern = bytes
    .split(' ')
    .map((byte) => (byte === '..' ? null : byte.split('|').map((digits) => Number.parseInt(digits, HEXADECIMAL))));
  const bits = pattern.reduce(
    (sum, values) => sum + (values === null ? 0 : BITS_PER_BYTE - Math.log2(values.length)),
    0,
  );
  return { name, offset, pattern, bits, packs };
}

const PLAINTEXTS: readonly Row[] = [...DOCUMENTS, ...DATA, ...MEDIA, ...FONTS, ...PROGRAMS];

let known: readonly FileSignature[] | null = null;

/** Made when first asked for: what a MAC vouches for is never looked at. */
function signatures(): readonly FileSignature[] {
  known ??= [
    ...ARCHIVES.map((row) => toSignature(row, 'files')),
    ...PLAINTEXTS.map((row) => toSignature(row, 'plaintext')),
    ...CIPHERTEXTS.map((row) => toSignature(row, 'ciphertext')),
  ];
  return known;
}

/** How many patterns are looked for. */
export const SIGNATURE_COUNT: number = ARCHIVES.length + PLAINTEXTS.length + CIPHERTEXTS.length;

function fits(bytes: Uint8Array, { offset, pattern }: FileSignature): boolean {
  if (bytes.length < offset + pattern.length) return false;
  return pattern.every((values, index) => values === null || values.includes(bytes[offset + index] ?? -1));
}

/** The pattern with the most bits that a file's beginning matches; null for none. */
export function matchSignature(beginning: Uint8Array): SignatureMatch | null {
  const matches = signatures().filter((signature) => fits(beginning, signature));
  const [best] = matches.toSorted((one, other) => other.bits - one.bits);
  return best === undefined ? null : { name: best.name, bits: best.bits, packs: best.packs };
}
