import { readFileSync } from 'node:fs';

/** The same folder from `src/kit` and from the built `dist/kit`: templates are published as they are. */
const TEMPLATES = new URL('../../src/kit/templates/', import.meta.url);

export function readTemplate(name: string): string {
  return readFileSync(new URL(name, TEMPLATES), 'utf8');
}

/** Puts a value in each place of the form `{{name}}`. Values are put in as they are: quoted for the place by the caller. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{\{(\w+)\}\}/g, (place, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`a template names ${place}, which has no value`);
    return value;
  });
}
