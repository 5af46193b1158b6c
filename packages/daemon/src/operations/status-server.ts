import { SealdropError, toSealdropError } from '@sealdrop/core';
import { once } from 'node:events';
import { chmod, lstat, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type ListenOptions } from 'node:net';
import type { Condition } from './health.ts';
import type { StuckWork } from './progress.ts';

export type StatusAddress =
  /** Port 0 takes any free one. */
  { readonly host: string; readonly port: number } | { readonly socket: string; readonly mode: number };

/** Where the answers come from; asked at each request. */
export interface StatusSources {
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
  readonly health: { readonly ready: boolean; readonly conditions: readonly Condition[] };
  readonly progress: { stuck(): readonly StuckWork[] };
}

export interface StatusServer {
  /** A URL, or the path of the socket. */
  readonly address: string;
  /** Stops listening; requests in progress get a second to end. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export const DEFAULT_STATUS_ADDRESS = { host: '127.0.0.1', port: 9464 } as const;

const MOST_CONNECTIONS = 32;
const LARGEST_HEADER = 8192;
const HEADER_TIMEOUT = 5000;
const REQUEST_TIMEOUT = 10_000;
const CHECK_INTERVAL = 2000;
const IDLE_TIMEOUT = 5000;
const CLOSE_PATIENCE = 1000;
const TEXT = 'text/plain; charset=utf-8';

const ROUTES: Readonly<Record<string, (sources: StatusSources) => Promise<Answer> | Answer>> = {
  '/metrics': async ({ metrics }) => ({ status: 200, contentType: metrics.contentType, body: await metrics.render() }),
  '/healthz': ({ progress }) => {
    const stuck = progress.stuck();
    return json(stuck.length === 0, { alive: stuck.length === 0, stuck });
  },
  '/readyz': ({ health }) => json(health.ready, { ready: health.ready, conditions: health.conditions.map(formatted) }),
};

function json(good: boolean, body: object): Answer {
  return { status: good ? 200 : 503, contentType: 'application/json', body: `${JSON.stringify(body, null, 2)}\n` };
}

function formatted({ since, ...condition }: Condition): object {
  return { ...condition, since: new Date(since).toISOString() };
}

/**
 * Serves `/metrics` (Prometheus), `/healthz` (503 when work is stuck: restart it) and `/readyz` (503 when the operator must mend something),
 * with the reasons as JSON. It has no secrets and no protection: listen on loopback or a socket.
 * @throws SealdropError `bad-configuration` when the address is taken or is none, `not-permitted`, `not-found`
 */
export async function startStatusServer(address: StatusAddress, sources: StatusSources): Promise<StatusServer> {
  const server = createServer(
    {
      maxHeaderSize: LARGEST_HEADER,
      headersTimeout: HEADER_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      connectionsCheckingInterval: CHECK_INTERVAL,
      keepAliveTimeout: IDLE_TIMEOUT,
    },
    (request, response) => void respond(request, response, sources),
  );
  server.maxConnections = MOST_CONNECTIONS;
  // Whoever connects and says nothing holds one of few connections.
  server.setTimeout(REQUEST_TIMEOUT, (socket) => socket.destroy());
  await listen(server, address);
  return { address: formatAddress(server), close: () => close(server) };
}

async function respond(request: IncomingMessage, response: ServerResponse, sources: StatusSources): Promise<void> {
  const { status, contentType, body } = await answer(request, sources);
  response.setHeader('Content-Type', contentType);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (status === 405) response.setHeader('Allow', 'GET, HEAD');
  // A body that nobody reads must not stay in the connection.
  if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
    response.setHeader('Connection', 'close');
  }
  response.writeHead(status);
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answer({ url = '', method }: IncomingMessage, sources: StatusSources): Promise<Answer> {
  const path = url.split('?', 1)[0] ?? '';
  if (!Object.hasOwn(ROUTES, path)) return { status: 404, contentType: TEXT, body: 'not found\n' };
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, contentType: TEXT, body: 'method not allowed\n' };
  try {
    return (await ROUTES[path]?.(sources)) ?? { status: 404, contentType: TEXT, body: 'not found\n' };
  } catch (error) {
    return { status: 500, contentType: TEXT, body: `${toSealdropError(error).message}\n` };
  }
}

async function listen(server: Server, address: StatusAddress): Promise<void> {
  if ('socket' in address) await removeStaleSocket(address.socket);
  const options: ListenOptions = 'socket' in address ? { path: address.socket } : address;
  server.listen(options);
  try {
    await once(server, 'listening');
    if ('socket' in address) await chmod(address.socket, address.mode);
  } catch (error) {
    server.close();
    throw explained(error, 'socket' in address ? address.socket : `${address.host} port ${address.port}`);
  }
}

function explained(error: unknown, where: string): SealdropError {
  const reason = error instanceof Error && 'code' in error ? error.code : null;
  if (reason === 'EADDRINUSE') {
    return new SealdropError('bad-configuration', `${where}: the status page cannot listen there: already in use`, {
      hint: 'give the status page another address, or stop what listens there',
      cause: error,
    });
  }
  if (reason === 'EADDRNOTAVAIL' || reason === 'ENOTFOUND' || reason === 'EAI_AGAIN') {
    return new SealdropError(
      'bad-configuration',
      `${where}: the status page cannot listen there: not an address of this host`,
      {
        hint: 'use 127.0.0.1, ::1, or an address that this host has',
        cause: error,
      },
    );
  }
  return toSealdropError(error, where);
}

/** A socket outlives a killed daemon; one that still answers is another's. */
async function removeStaleSocket(path: string): Promise<void> {
  const entry = await lstat(path).catch(() => null);
  if (entry?.isSocket() === true && !(await answers(path))) await rm(path, { force: true });
}

async function answers(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function formatAddress(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') return address ?? '';
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const hurry = setTimeout(() => server.closeAllConnections(), CLOSE_PATIENCE);
  await closed;
  clearTimeout(hurry);
}
