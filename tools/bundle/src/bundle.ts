/** One program with everything it imports, in few modules: most of a start would be opening hundreds of small ones. */
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { asciiHelp, frugalBuiltins, noJsonSchemas, WITHOUT_WEB_STREAMS } from './quick-start.ts';

const WORKER = join(import.meta.dirname, '../../../packages/core/src/openssl/payload-worker.ts');

/** Without the bundler's module fields, the AWS SDK's CommonJS build would need a `require` that ESM does not have. */
const RESOLVE = {
  conditionNames: ['@sealdrop/source', 'node', 'import', 'module', 'default'],
  mainFields: ['module', 'main'],
};

/** Names of functions and classes are kept: `SEALDROP_DEBUG=1` shows them in the stack of a failure that is to be reported. */
const MINIFY = { compress: true, mangle: { toplevel: true, keepNames: true }, codegen: true } as const;

/** What is always needed together, in one module each, though parts of it are needed elsewhere too: every module that is opened takes time. */
const TOGETHER = [
  { name: 'aws-sdk', test: /[/\\]kms-sdk\.ts$|[/\\]@aws-sdk[/\\]client-kms[/\\]/ },
  {
    name: 'command-line',
    test: /[/\\](?:parse-arguments|quantities|usage-error)\.ts$|[/\\]node_modules[/\\]yargs-parser[/\\]/,
  },
];

/**
 * Writes `main.js`, `payload-worker.js` and the modules that they share into `directory`.
 * @param main the program's first module
 * @returns the paths of all modules that went in
 */
export async function bundleProgram(main: string, directory: string): Promise<readonly string[]> {
  const bundle = await rolldown({
    // A thread's program is found by its name beside the module that starts it.
    input: { main, 'payload-worker': WORKER },
    platform: 'node',
    resolve: RESOLVE,
    plugins: [asciiHelp(), noJsonSchemas(), frugalBuiltins()],
    transform: { define: WITHOUT_WEB_STREAMS },
    logLevel: 'warn',
  });
  const { output } = await bundle.write({
    dir: directory,
    format: 'esm',
    minify: MINIFY,
    comments: false,
    cleanDir: true,
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    codeSplitting: { groups: TOGETHER },
  });
  await bundle.close();
  return output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
}
