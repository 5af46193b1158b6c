#!/usr/bin/env node
// Old Node fails on the built code with a syntax error that explains nothing, so the version is asked first.
const NEEDED_MAJOR = 24;
if (Number(process.versions.node.split('.')[0]) < NEEDED_MAJOR) {
  process.stderr.write(
    `sealdrop needs Node.js ${NEEDED_MAJOR} or later; this is ${process.version} (${process.execPath}).\n`,
  );
  process.exit(78);
}
await import('../dist/main.js');
