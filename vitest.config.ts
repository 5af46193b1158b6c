import { defineConfig } from 'vitest/config';

const SECOND = 1000;

// Nx sets FORCE_COLOR for its children, and Node warns on stderr of both at once: programs under test see neither.
delete process.env['FORCE_COLOR'];
delete process.env['NO_COLOR'];

// One project a package: `nx` runs each with `vitest run --root ../.. --project NAME`.
const project = (name: string, root: string) => ({
  extends: true as const,
  test: { name, include: [`${root}/test/**/*.test.ts`] },
});

// oxlint-disable-next-line import/no-default-export -- vitest reads its configuration from the default export
export default defineConfig({
  ssr: { resolve: { conditions: ['@sealdrop/source', 'node', 'import', 'default'] } },
  resolve: { conditions: ['@sealdrop/source', 'node', 'import', 'default'] },
  test: {
    testTimeout: 120 * SECOND,
    hookTimeout: 120 * SECOND,
    expect: { poll: { timeout: 60 * SECOND } },
    passWithNoTests: false,
    projects: [
      project('core', 'packages/core'),
      project('cli', 'packages/cli'),
      project('daemon', 'packages/daemon'),
      project('kms-emulator', 'tools/kms-emulator'),
      project('sftp-host', 'tools/sftp-host'),
      project('packaging', 'tools/packaging'),
      project('e2e', 'test/e2e'),
    ],
  },
});
