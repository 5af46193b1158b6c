/** The page of the kit: one file that holds all it needs, and may load nothing. */
import { createHash } from 'node:crypto';
import { fillTemplate, readTemplate } from './template.ts';

export interface PageContent {
  readonly title: string;
  readonly sender?: string | undefined;
  readonly fingerprintGroups: readonly string[];
  /** What the script needs to know. */
  readonly kit: Readonly<Record<string, string | number | null>>;
}

/** In the order in which they need each other. */
const SCRIPTS = ['sha256.js', 'names.js', 'seal.js', 'saving.js', 'page.js'];

/** A module inside a page can import nothing: the parts become one, in which all names are known already. */
function joinScripts(): string {
  return SCRIPTS.map((name) =>
    readTemplate(`page/${name}`)
      .replaceAll(/^import .*;\n/gm, '')
      .replaceAll(/^export /gm, ''),
  ).join('\n');
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A hash source of Content Security Policy (CSP3 §2.3.1). */
function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** Nothing but this very script and this very style; no connections, no frames, no forms, no markup made from text. */
function contentSecurityPolicy(script: string, style: string): string {
  return [
    "default-src 'none'",
    `script-src ${hashSource(script)}`,
    `style-src ${hashSource(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

export function buildPage({ title, sender, fingerprintGroups, kit }: PageContent): string {
  const script = joinScripts();
  const style = readTemplate('page/page.css');
  return fillTemplate(readTemplate('page/page.html'), {
    title: escapeHtml(title),
    pageTitle: escapeHtml(sender === undefined ? 'Encrypt files' : `Encrypt files – ${sender}`),
    fingerprintGroups: fingerprintGroups.map((group) => `<span>${group}</span>`).join(' '),
    // In a script element only `<` could end it or begin a comment (HTML §4.12.1.3).
    kitElement: `<script type="application/json" id="kit">${JSON.stringify(kit).replaceAll('<', String.raw`\u003c`)}</script>`,
    contentSecurityPolicy: contentSecurityPolicy(script, style),
    scriptElement: `<script type="module">${script}</script>`,
    styleElement: `<style>${style}</style>`,
  });
}
