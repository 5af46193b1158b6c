import type { EncParameters, OaepParameters } from '@sealdrop/core';
import { UsageError } from './usage-error.ts';

/** A fault in an option's value is a fault of the command line, whatever it would be in an envelope. */
async function parseOption<Value>(option: string, text: string, parse: (text: string) => Value): Promise<Value> {
  const { SealdropError } = await import('@sealdrop/core');
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof SealdropError)) throw error;
    throw new UsageError(`--${option}: ${error.message}`, error.hint);
  }
}

/** Reads `--parameters`, which are openssl's own flags. */
export async function parseParametersOption(text: string): Promise<EncParameters> {
  const { parseFlags } = await import('@sealdrop/core');
  return parseOption('parameters', text, parseFlags);
}

/** Reads `--oaep`: a hash, or openssl's own options. */
export async function parseOaepOption(text: string): Promise<OaepParameters> {
  const { parseOaep } = await import('@sealdrop/core');
  return parseOption('oaep', text, parseOaep);
}
