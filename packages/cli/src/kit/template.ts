import { existsSync, readFileSync } from 'node:fs';

/** Where the templates lie in a package, as they are: this code may run from `src`, from `dist` or from a bundle. */
const TEMPLATES = 'src/kit/templates/';

/** The nearest folder above this file that has a package.json. */
function packageRoot(): URL {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) {
    const above = new URL('..', folder);
    if (above.href === folder.href) throw new Error('there is no package.json above the program');
    folder = above;
  }
  return folder;
}

export function readTemplate(name: string): string {
  return readFileSync(new URL(TEMPLATES + name, packageRoot()), 'utf8');
}

/** Puts a value in each place of the form `{{name}}`. Values are put in as they are: quoted for the place by the caller. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{\{(\w+)\}\}/g, (place, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`a template names ${place}, which has no value`);
    return value;
  });
}
