/** Run in a package's folder after its types were checked: makes `dist` of `src/main.ts`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleProgram } from './bundle.ts';
import { formatLicences, librariesOf } from './licences.ts';

const DIRECTORY = 'dist';

const modules = await bundleProgram(join(process.cwd(), 'src/main.ts'), join(process.cwd(), DIRECTORY));
await writeFile(join(DIRECTORY, 'third-party-licences.txt'), formatLicences(librariesOf(modules)));
