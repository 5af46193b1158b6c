import { readFileSync } from 'node:fs';
import { toSealdropError } from '@sealdrop/core';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type * as z from 'zod';
import { contradictions } from './contradictions.ts';
import { knownKeys } from './known-keys.ts';
import { nearest } from './nearest.ts';
import { type Config, configSchema } from './schema.ts';

type Path = readonly PropertyKey[];

/** A key (or place) in the configuration and what is wrong with it, cure included. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
}

/** Every problem of a configuration file at once, each as `FILE:LINE: key: what is wrong and what to write`. */
export class ConfigProblems extends Error {
  override readonly name = 'ConfigProblems';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

/**
 * Reads and checks the configuration file.
 * @throws ConfigProblems
 */
export function loadConfig(file: string): Config {
  return parseConfig(readConfigFile(file), file);
}

function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigProblems([`${toSealdropError(error, file).message}. Name the configuration with --config FILE.`]);
  }
}

/** The configuration in a YAML text; `file` is named in messages. @throws ConfigProblems */
export function parseConfig(source: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const complain = (located: readonly Located[]): ConfigProblems =>
    new ConfigProblems(located.toSorted((a, b) => a.line - b.line).map(({ line, text }) => `${file}:${line}: ${text}`));
  if (document.errors.length > 0) throw complain(syntaxProblems(document, lineAt));
  const locate = ({ path, message }: Problem): Located => ({
    line: lineAt(offsetOf(document, path)),
    text: path.length === 0 ? message : `${formatPath(path)}: ${message}`,
  });
  const data: unknown = document.toJS({ maxAliasCount: 100 });
  const parsed = configSchema.safeParse(data);
  if (!parsed.success) throw complain(parsed.error.issues.flatMap((issue) => problemsOf(issue, data)).map(locate));
  const against = contradictions(parsed.data);
  if (against.length > 0) throw complain(against.map(locate));
  return parsed.data;
}

interface Located {
  readonly line: number;
  readonly text: string;
}

/** The first one of a line: those after it tend to be its consequences. */
function syntaxProblems(document: Document, lineAt: (offset: number) => number): readonly Located[] {
  const byLine = new Map<number, string>();
  for (const { pos, message } of document.errors) {
    const line = lineAt(pos[0]);
    if (!byLine.has(line)) byLine.set(line, `not valid YAML: ${message}`);
  }
  return [...byLine].map(([line, text]) => ({ line, text }));
}

function problemsOf(issue: z.core.$ZodIssue, data: unknown): readonly Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: unknownKey(key, issue.path) }));
  }
  if (issue.code === 'invalid_union') {
    const meant = meantBranch(issue);
    if (meant.length > 0) return meant.flatMap((inner) => problemsOf(inner, data));
  }
  const isMissing = valueAt(data, issue.path) === undefined;
  return [{ path: issue.path, message: isMissing ? `is missing: ${issue.message}` : issue.message }];
}

/** Of several forms that a setting may have, what is wrong with the one that was begun; empty when it is none of them. */
function meantBranch(issue: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] {
  const isOtherForm = ({ code, path }: z.core.$ZodIssue): boolean =>
    path.length === 0 && ['invalid_type', 'invalid_value', 'invalid_format'].includes(code);
  const meant = issue.errors.find((issues) => !issues.some(isOtherForm)) ?? [];
  return meant.map((inner) => beneath(issue.path, inner));
}

function beneath(path: Path, issue: z.core.$ZodIssue): z.core.$ZodIssue {
  return { ...issue, path: [...path, ...issue.path] };
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, step)?.value;
  }
  return value;
}

function unknownKey(key: string, parent: Path): string {
  const known = knownKeys(parent);
  const guess = nearest(key, known);
  return `no such setting. ${guess === null ? `Known here: ${known.join(', ')}.` : `Did you mean ${guess}?`}`;
}

/** Where a path's key stands in the text; of what is missing, where its parent begins. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = document.getIn(path.slice(0, length - 1), true) ?? document.contents;
    const key = path[length - 1];
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
      : undefined;
    if (isNode(pair?.key) && pair.key.range) return pair.key.range[0];
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

/** `landings[0].settle` */
function formatPath(path: Path): string {
  return path.map((step, index) => formatStep(step, index)).join('');
}

function formatStep(step: PropertyKey, index: number): string {
  if (typeof step === 'number') return `[${step}]`;
  return index === 0 ? String(step) : `.${String(step)}`;
}
