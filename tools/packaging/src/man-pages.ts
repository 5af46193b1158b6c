/** Man pages from the programs' own help: what `--help` says is the one truth. */
import { gzipSync } from 'node:zlib';
import { run } from './run.ts';

export interface Program {
  readonly name: string;
  /** One line, without a full stop. */
  readonly purpose: string;
  /** Of the manual: 1 for user commands, 8 for system administration. */
  readonly section: 1 | 8;
  /** How to run it from the staged bundle. */
  readonly command: readonly [string, ...string[]];
}

function escapeRoff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^([.'])/gm, '\\&$1');
}

async function help({ command }: Program, words: readonly string[]): Promise<string> {
  const [program, ...first] = command;
  return (await run(program, [...first, ...words, '--help'])).trim();
}

/** `.SH` and the help text as it stands, lines kept. */
function section(title: string, text: string): string {
  return `.SH ${escapeRoff(title.toUpperCase())}\n.nf\n${escapeRoff(text)}\n.fi\n`;
}

/** The names in the list of commands: `  sealdrop decrypt [envelope..]  Decrypt …`. */
function commandsIn(overview: string, program: string): readonly string[] {
  return [...overview.matchAll(new RegExp(`^ +${program} ([a-z-]+)`, 'gm'))].map(([, name = '']) => name);
}

/** The gzipped page: a section for the program and one for each of its commands. */
export async function makeManPage(program: Program, version: string): Promise<Buffer> {
  const overview = await help(program, []);
  const sections = [section('synopsis', overview)];
  for (const command of commandsIn(overview, program.name))
    sections.push(section(command, await help(program, [command])));
  const title = `.TH ${program.name.toUpperCase()} ${program.section} "" "Sealdrop ${version}"\n`;
  const name = `.SH NAME\n${escapeRoff(program.name)} \\- ${escapeRoff(program.purpose)}\n`;
  return gzipSync([title, name, ...sections].join(''), { level: 9 });
}
