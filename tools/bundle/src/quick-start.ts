/** What the bundle does otherwise than the sources, for programs that start quickly. */
import { builtinModules } from 'node:module';
import { isAbsolute, join } from 'node:path';
import type { Plugin } from 'rolldown';

const ASCII_WIDTH = join(import.meta.dirname, 'ascii-width.ts');
const LAYOUT = /[/\\]node_modules[/\\](?:yargs|cliui|wrap-ansi)[/\\]/;

/** The widths of help texts. Whatever else measures text (progress bars show file names) keeps the library. */
export function asciiHelp(): Plugin {
  return {
    name: 'ascii-help',
    resolveId: {
      filter: { id: /^string-width$/ },
      handler: (_id, importer) => (importer !== undefined && LAYOUT.test(importer) ? ASCII_WIDTH : null),
    },
  };
}

const JSON_SCHEMAS = /[/\\]zod[/\\]v4[/\\]core[/\\](?:to-json-schema|json-schema-processors)\.js$/;
const FUNCTION = /^export (?:const|function) (\w+)/gm;

/**
 * Every schema of zod can write itself as a JSON Schema, which only tests ask for (of `manifest.schema.json` and the daemon's two): an
 * eighth of what had to be compiled to open an envelope.
 */
export function noJsonSchemas(): Plugin {
  return {
    name: 'no-json-schemas',
    transform: {
      filter: { id: JSON_SCHEMAS },
      handler: (code) =>
        [...code.matchAll(FUNCTION)].map(([, name]) => `export const ${name} = () => undefined;`).join('\n'),
    },
  };
}

/** The AWS SDK looks whether an answer is a web stream, and so loads them; from `node:http` it never is. */
export const WITHOUT_WEB_STREAMS: Readonly<Record<string, string>> = { ReadableStream: 'undefined' };

const BUILTINS: ReadonlySet<string> = new Set(builtinModules);
/** Of the modules that stand in for Node's: the name, then who imports it, so that each importer has its own. */
const STAND_IN = /^\0builtin:([^:]+):/;

/** A pure call, unlike the reading of a property, is left out where nobody uses what it yields. */
async function standIn(name: string): Promise<string> {
  const module = (await import(`node:${name}`)) as Record<string, unknown>;
  const names = Object.keys(module).filter((key) => key !== 'default' && key !== 'module.exports');
  return [
    `const builtin = process.getBuiltinModule('node:${name}');`,
    'const take = (name) => builtin[name];',
    'export default builtin;',
    ...names.map((key) => `export const ${key} = /* @__PURE__ */ take('${key}');`),
  ].join('\n');
}

const LATE_IMPORT = /\bimport\(\s*["']node:([a-z_/]+)["']\s*\)/g;

function lateStandIn(name: string): string {
  const module = `process.getBuiltinModule('node:${name}')`;
  return `Promise.resolve(Object.create(${module}, { default: { value: ${module} } }))`;
}

/**
 * Takes of Node's own modules only what is used. `import … from 'node:fs'` reads every export of it, and so runs the getters that load
 * Node's file streams; of `node:crypto`, those of Web Crypto; of `node:http`, all of undici.
 */
export function frugalBuiltins(): Plugin {
  return {
    name: 'frugal-builtins',
    resolveId: {
      filter: { id: /^(?:node:)?[a-z_]+(?:\/[a-z]+)*$/ },
      handler: (id, importer, { kind }) => {
        const name = id.replace(/^node:/, '');
        if (kind !== 'import-statement' || !BUILTINS.has(name)) return null;
        // The bundler's own runtime comes before all else.
        if (importer === undefined || !isAbsolute(importer)) return null;
        return { id: `\0builtin:${name}:${importer}`, moduleSideEffects: false };
      },
    },
    transform: {
      filter: { code: LATE_IMPORT },
      handler: (code) => code.replaceAll(LATE_IMPORT, (_import, name: string) => lateStandIn(name)),
    },
    load: {
      filter: { id: STAND_IN },
      handler: async (id) => standIn(STAND_IN.exec(id)?.[1] ?? ''),
    },
  };
}
