/** Names of an envelope's files. */

const MAXIMUM_NAME_LENGTH = 255;

// Path separators, control characters and characters that change the direction or line of what follows: the receiver refuses them.
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const REFUSED = /[/\\\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]/;

/** What some file system or browser changes in the name of a saved file; with invisible characters but for the joiners of scripts. */
const CHANGED_ON_SAVING = /^\s+|["*:<>?|~]|(?![\u200c\u200d])\p{Cf}/gu;

/** Such a name with `.enc` is that of a wrapped key. */
const LIKE_WRAPPED_KEY = /(^|\.)(key|key\.bin|keypke\.bin)$/;

/** A bare file name that the receiver takes, or an Error that says why it is none. */
export function checkName(name) {
  if (name.startsWith('.')) throw new Error('a name that begins with a dot cannot be sent: rename the file');
  if (REFUSED.test(name) || /\p{Surrogate}/u.test(name)) {
    throw new Error('the name holds a backslash or control character: rename the file');
  }
  const longest = new TextEncoder().encode(memberNames(name).wrappedKey).length;
  if (longest > MAXIMUM_NAME_LENGTH) throw new Error('the name is too long: rename the file');
  return name;
}

/** The manifest keeps the true name; what is saved has one that no system changes. */
export function memberNames(name) {
  const saved = name.replaceAll(CHANGED_ON_SAVING, '_');
  const stem = LIKE_WRAPPED_KEY.test(saved) ? `${saved}.data` : saved;
  return {
    payload: `${stem}.enc`,
    wrappedKey: `${stem}.keypke.bin.enc`,
    note: `${stem}.alg`,
    manifest: `${stem}.manifest.json`,
  };
}
