/** `npm run package`: builds the Debian package. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPackage, stagePackage } from './debian-package.ts';
import type { Compression } from './debian-package.ts';
import { ROOT } from './repository.ts';

const HELP = `Builds the Debian package of sealdrop and sealdropd.

Usage: npm run package -- [--output DIRECTORY] [--compression xz|zstd|gzip|none]

  --output        where the .deb goes (default: release in the repository)
  --compression   default: xz, which takes about 20 seconds and makes 27 MB
`;

const COMPRESSIONS: readonly string[] = ['xz', 'zstd', 'gzip', 'none'] satisfies Compression[];

const { values } = parseArgs({
  options: {
    output: { type: 'string', default: join(ROOT, 'release') },
    compression: { type: 'string', default: 'xz' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  process.stdout.write(HELP);
} else if (!COMPRESSIONS.includes(values.compression)) {
  process.stderr.write(`--compression is one of ${COMPRESSIONS.join(', ')}, not ${values.compression}\n`);
  process.exitCode = 64;
} else {
  const work = await mkdtemp(join(tmpdir(), 'sealdrop-package-'));
  try {
    await stagePackage(join(work, 'stage'), join(work, 'parts'));
    // Checked against COMPRESSIONS above.
    const path = await buildPackage(join(work, 'stage'), values.output, values.compression as Compression);
    process.stdout.write(`${relative(process.cwd(), path)}\n`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
