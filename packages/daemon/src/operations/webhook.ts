import { SealdropError, toSealdropError } from '@sealdrop/core';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { BoundedOutput } from './bounded-output.ts';
import type { EnvelopeEvent, EventKind } from './envelope-event.ts';
import type { OutboxTarget, SendResult } from './outbox-lane.ts';

export interface WebhookOptions {
  readonly name: string;
  /** `https://`, or `http://` to a loopback address. */
  readonly url: string;
  /** Its first line is the secret of the signature; read for each request, so that it can be changed. */
  readonly secretFile: string;
  /** PEM certificates to trust instead of the usual ones. */
  readonly authorityFile?: string | undefined;
  readonly events: readonly EventKind[];
  /** ms for the whole request. Default 10 s. */
  readonly timeout?: number | undefined;
  /** Requests at the same time. Default 4. */
  readonly concurrency?: number | undefined;
}

const DEFAULT_TIMEOUT = 10_000;
const DEFAULT_CONCURRENCY = 4;
const SHORTEST_SECRET = 16;
const LARGEST_ANSWER = 4096;
const REQUEST_TIMEOUT = 408;
const TOO_MANY_REQUESTS = 429;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Posts each event as JSON. The header `Sealdrop-Signature: t=<unix seconds>,v1=<hex>` proves where it comes from and when it was
 * sent: v1 is HMAC-SHA256 under the secret over `<t>.<body>`. Any 2xx says that it was taken. After 408, 429, 5xx, or no answer at all it is sent
 * again later; other answers, redirects among them, are final.
 * @throws SealdropError `bad-configuration` for a URL that cannot be used
 */
export function webhookTarget(options: WebhookOptions): OutboxTarget {
  const { name, events, timeout = DEFAULT_TIMEOUT, concurrency = DEFAULT_CONCURRENCY } = options;
  const url = parseWebhookUrl(options.url);
  const send = async (event: EnvelopeEvent, closing: AbortSignal): Promise<SendResult> => {
    const signal = AbortSignal.any([closing, AbortSignal.timeout(timeout)]);
    try {
      return await post(url, event, { ...options, signal });
    } catch (thrown) {
      if (signal.aborted && !closing.aborted) return { result: 'try-again', detail: `no answer within ${timeout} ms` };
      return { result: 'try-again', detail: reasonOf(thrown) };
    }
  };
  return { name, events, concurrency, send };
}

/** @throws SealdropError `bad-configuration` */
export function parseWebhookUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw badUrl('is not a webhook URL', 'give a URL like https://example.com/sealdrop');
  }
  // The URL stands in logs.
  if (url.username !== '' || url.password !== '') {
    throw badUrl(
      'must not carry a user name or password',
      'the signature proves who sends: remove what stands before the @',
    );
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw badUrl(
      'would go unencrypted over the network',
      'use https://; http:// is for 127.0.0.1, [::1] and localhost only',
    );
  }
  return url;
}

function badUrl(fact: string, hint: string): SealdropError {
  return new SealdropError('bad-configuration', `webhook URL ${fact}`, { hint });
}

/** @throws SealdropError `bad-configuration` when it is too short to be one; `not-found`, `not-permitted` */
export async function readWebhookSecret(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw toSealdropError(error, file);
  });
  const [secret = ''] = text.split(/\r?\n/, 1);
  if (secret.length >= SHORTEST_SECRET) return secret;
  throw new SealdropError('bad-configuration', `${file}: its first line has fewer than ${SHORTEST_SECRET} characters`, {
    hint: `make a secret with: openssl rand -hex 32 > ${file}`,
  });
}

/** The value of `Sealdrop-Signature`; `time` in seconds since the epoch. */
export function formatSignature(body: string, secret: string, time: number): string {
  const digest = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
  return `t=${time},v1=${digest}`;
}

type PostOptions = Pick<WebhookOptions, 'secretFile' | 'authorityFile'> & { readonly signal: AbortSignal };

async function post(url: URL, event: EnvelopeEvent, options: PostOptions): Promise<SendResult> {
  const { secretFile, authorityFile, signal } = options;
  const body = JSON.stringify(event);
  const time = Math.floor(Date.now() / 1000);
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'User-Agent': 'Sealdrop',
    'Sealdrop-Signature': formatSignature(body, await readWebhookSecret(secretFile), time),
  };
  const ca = authorityFile === undefined ? undefined : await readFile(authorityFile);
  const settings: RequestOptions = { method: 'POST', headers, signal, agent: false, ca };
  const request = url.protocol === 'https:' ? httpsRequest(url, settings) : httpRequest(url, settings);
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  // An answer may be followed by a broken connection; it is an answer all the same.
  request.on('error', () => {});
  request.end(body);
  const [response] = await answered;
  return judge(response.statusCode ?? 0, await readStart(response));
}

async function readStart(response: IncomingMessage): Promise<BoundedOutput> {
  const output = new BoundedOutput();
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      output.add(chunk);
      size += chunk.length;
      // Leaving the loop closes the connection.
      if (size > LARGEST_ANSWER) break;
    }
  } catch {
    // The status has been read.
  }
  return output;
}

function judge(status: number, output: BoundedOutput): SendResult {
  const detail = output.after(`HTTP status ${status}`);
  if (status >= 200 && status < 300) return { result: 'sent', detail };
  const later = status >= 500 || status === TOO_MANY_REQUESTS || status === REQUEST_TIMEOUT;
  return { result: later ? 'try-again' : 'rejected', detail };
}

/** Network and TLS errors carry a code of their own, which says more than any of ours. */
function reasonOf(thrown: unknown): string {
  if (thrown instanceof SealdropError || !(thrown instanceof Error)) return toSealdropError(thrown).message;
  const code = 'code' in thrown ? ` (${String(thrown.code)})` : '';
  return `${thrown.message || 'no connection'}${code}`;
}
