/** The page itself: what is chosen, what goes on, what came out. */
import { downloadSink, folderSink } from './saving.js';
import { fromBase64, sealFile, toHex } from './seal.js';

const kit = JSON.parse(document.getElementById('kit').textContent);
const parties = { publicKey: fromBase64(kit.publicKey), fingerprint: kit.fingerprint, sender: kit.sender };
const canSaveToFolder = 'showDirectoryPicker' in window;
const element = (id) => document.getElementById(id);

/** Downloads in one burst: browsers drop some when they come at once. */
const DOWNLOAD_PAUSE = 150;

let chosen = [];
/** An AbortController while files are encrypted. */
let running = null;

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

function formatSize(bytes) {
  const power = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[power]}`;
}

function say(text, tone = '') {
  element('status').textContent = text;
  element('status').className = `status ${tone}`;
}

function listItem(...parts) {
  const item = document.createElement('li');
  item.append(
    ...parts.map((part) => {
      if (typeof part !== 'string') return part;
      const span = document.createElement('span');
      span.textContent = part;
      return span;
    }),
  );
  return item;
}

const totalSize = () => chosen.reduce((sum, file) => sum + file.size, 0);

function render() {
  element('files').replaceChildren(...chosen.map((file) => listItem(file.name, formatSize(file.size))));
  const ready = chosen.length > 0 && running === null;
  const tooLarge = totalSize() > kit.downloadLimit;
  element('to-folder').hidden = !canSaveToFolder || running !== null;
  element('to-folder').disabled = !ready;
  element('to-downloads').hidden = running !== null;
  element('to-downloads').disabled = !ready || tooLarge;
  element('stop').hidden = running === null;
  element('clear').hidden = chosen.length === 0 || running !== null;
  element('choose').disabled = running !== null;
  element('progress-box').hidden = running === null;
  element('limit').textContent = limitWords(tooLarge);
}

function limitWords(tooLarge) {
  const limit = formatSize(kit.downloadLimit);
  if (canSaveToFolder) return `A folder takes files of any size; downloads are limited to ${limit} at a time.`;
  if (!tooLarge)
    return `This browser holds downloads in memory: ${limit} at a time. Chrome and Edge take files of any size.`;
  return `That is too much for this browser, which holds ${limit}: use Chrome or Edge, or encrypt.sh.`;
}

function addFiles(files) {
  if (running !== null) return;
  const known = new Set(chosen.map((file) => file.name));
  const added = [...files].filter((file) => !known.has(file.name));
  chosen = [...chosen, ...added];
  const doubled = files.length - added.length;
  say(doubled === 0 ? '' : 'Two files of one name cannot be sent together: the first one stays.', 'bad');
  render();
}

function onDrop(event) {
  event.preventDefault();
  document.body.classList.remove('dragging');
  const items = [...event.dataTransfer.items].filter((item) => item.kind === 'file');
  if (items.some((item) => item.webkitGetAsEntry()?.isDirectory)) {
    return say('A folder cannot be encrypted as it is: pack it first, as a .zip for example.', 'bad');
  }
  addFiles(event.dataTransfer.files);
}

function showProgress(done, total) {
  const share = total === 0 ? 1 : done / total;
  element('progress').value = share;
  element('progress-text').textContent = `${Math.floor(share * 100)} % of ${formatSize(total)}`;
}

/** Encrypts what is chosen, each file into a sink of its own, until one fails. @returns the full sinks and the failure */
async function sealAll(makeSink) {
  const total = totalSize();
  const sinks = [];
  let before = 0;
  for (const file of chosen) {
    const sink = makeSink();
    const onProgress = (done) => showProgress(before + done, total);
    try {
      await sealFile(file, parties, { sink, signal: running.signal, onProgress });
    } catch (error) {
      return { sinks, failure: `${file.name}: ${explain(error)}` };
    }
    before += file.size;
    sinks.push(sink);
  }
  return { sinks, failure: null };
}

const ERROR_WORDS = {
  AbortError: 'stopped; nothing of it was kept.',
  NotAllowedError: 'the browser may not write into that folder.',
  NotFoundError: 'it is no longer where it was, or the folder is gone.',
  NotReadableError: 'it could not be read, or changed while it was read.',
  QuotaExceededError: 'there is not enough room for the result.',
};

function explain(error) {
  return ERROR_WORDS[error.name] ?? error.message;
}

const countFiles = (count) => (count === 1 ? 'one file is' : `${count} files are`);

/** @param show gets the sinks that are full, and lists what is in them */
async function run(makeSink, show) {
  running = new AbortController();
  element('send').hidden = true;
  showProgress(0, totalSize());
  render();
  element('stop').focus();
  say('Encrypting…');
  const { sinks, failure } = await sealAll(makeSink);
  running = null;
  render();
  if (failure === null) say(`Done: ${countFiles(sinks.length)} encrypted.`, 'good');
  else say(sinks.length === 0 ? failure : `${failure} Before it, ${countFiles(sinks.length)} encrypted.`, 'bad');
  if (sinks.length === 0) return element('choose').focus();
  show(sinks);
  element('send').hidden = false;
  element('send-heading').focus();
}

async function encryptIntoFolder() {
  let directory;
  try {
    directory = await window.showDirectoryPicker({ id: 'sealdrop', mode: 'readwrite' });
  } catch (error) {
    return say(error.name === 'AbortError' ? 'No folder was chosen.' : explain(error), 'bad');
  }
  await run(
    () => folderSink(directory),
    (sinks) => {
      const names = sinks.flatMap((sink) => sink.names);
      element('results').replaceChildren(
        ...names.map((name) => listItem(name, `in ${directory.name || 'the folder'}`)),
      );
    },
  );
}

function downloadLink({ name, blob }) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.textContent = name;
  return link;
}

function forgetDownloads() {
  for (const link of element('results').querySelectorAll('a')) URL.revokeObjectURL(link.href);
  element('results').replaceChildren();
}

async function encryptAndDownload() {
  forgetDownloads();
  let links = [];
  await run(downloadSink, (sinks) => {
    const files = sinks.flatMap((sink) => sink.files);
    links = files.map(downloadLink);
    element('results').replaceChildren(
      ...links.map((link, index) => listItem(link, formatSize(files[index].blob.size))),
    );
  });
  for (const link of links) {
    link.click();
    await new Promise((resolve) => setTimeout(resolve, DOWNLOAD_PAUSE));
  }
}

function startAgain() {
  forgetDownloads();
  chosen = [];
  element('choose').value = '';
  element('send').hidden = true;
  say('');
  render();
  element('choose').focus();
}

function listen() {
  element('choose').addEventListener('change', (event) => {
    addFiles(event.target.files);
    // Else the same file could not be chosen again after "Start again".
    event.target.value = '';
  });
  element('to-folder').addEventListener('click', () => void encryptIntoFolder());
  element('to-downloads').addEventListener('click', () => void encryptAndDownload());
  element('stop').addEventListener('click', () => running?.abort());
  element('clear').addEventListener('click', startAgain);
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dragging');
  });
  document.addEventListener('dragleave', () => document.body.classList.remove('dragging'));
  document.addEventListener('drop', onDrop);
  window.addEventListener('beforeunload', (event) => {
    if (running !== null) event.preventDefault();
  });
}

async function start() {
  if (globalThis.crypto?.subtle === undefined) {
    return say(
      'This browser offers no cryptography to this page: open it in a current Chrome, Edge, Firefox or Safari.',
      'bad',
    );
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', parties.publicKey));
  if (toHex(digest) !== kit.fingerprint) return say('This page is damaged: ask for the kit once more.', 'bad');
  element('send-words').textContent =
    `Send all of these files to ${kit.upload ?? 'the receiver'}, those named .manifest.json last.`;
  listen();
  render();
}

await start();
