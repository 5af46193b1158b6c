import type { ArgumentsCamelCase } from 'yargs';
import type { Command } from '../command.ts';
import { checkChoice } from '../command-line-faults.ts';
import { EXIT } from '../exit-status.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

interface CompletionOptions {
  shell: (typeof SHELLS)[number] | undefined;
}

async function run({ shell }: ArgumentsCamelCase<CompletionOptions>): Promise<number> {
  checkChoice('shell', shell, SHELLS);
  // yargs tells the shell by this variable, and by nothing else.
  if (shell !== undefined) process.env['SHELL'] = shell;
  const { default: yargs } = await import('yargs');
  yargs().scriptName('sealdrop').showCompletionScript();
  return EXIT.ok;
}

export const completionCommand: Command<CompletionOptions> = {
  usage: 'completion [shell]',
  summary: 'Print the script that completes commands and options by Tab',
  options: {},
  build: (program) =>
    program
      .positional('shell', { choices: SHELLS, describe: 'The shell (default: as $SHELL says)' })
      .example('$0 completion bash >> ~/.bashrc', 'For bash')
      .example('$0 completion zsh >> ~/.zshrc', 'For zsh'),
  run,
};
