#!/usr/bin/env node
// Old Node fails on the built code with a syntax error that explains nothing, so the version is asked first.
const NEEDED_MAJOR = 24;
if (Number(process.versions.node.split('.')[0]) < NEEDED_MAJOR) {
  process.stderr.write(
    `sealdrop needs Node.js ${NEEDED_MAJOR} or later; this is ${process.version} (${process.execPath}).\n`,
  );
  process.exit(78);
}
// Asked for by scripts and packagers, often: it needs no parser.
if (process.argv.length === 3 && process.argv[2] === '--version') {
  // An import would run all getters of the module, and so load Node's file streams.
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`${version}\n`);
} else {
  await import('../dist/main.js');
}
