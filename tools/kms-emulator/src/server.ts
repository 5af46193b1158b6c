import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { checkAuthorization } from './authorization.ts';
import { control, isControl } from './control.ts';
import type { Fault, FaultQueue } from './faults.ts';
import { Input } from './input.ts';
import type { KeyStore } from './key-store.ts';
import { KmsError } from './kms-error.ts';
import { operations } from './operations/table.ts';
import { failureAnswer, parseJson, readBody, send, targetOperation } from './protocol.ts';
import type { Answer } from './protocol.ts';
import type { RequestLog } from './request-log.ts';

/** Longer than the idle sockets of any client, so that it is never the server that closes one in use. */
const KEEP_ALIVE_MILLISECONDS = 120_000;

export interface ServerState {
  readonly store: KeyStore;
  readonly faults: FaultQueue;
  readonly log: RequestLog;
  /** Ends delays when the emulator closes. */
  readonly closing: AbortSignal;
}

/** An HTTP server, not yet listening, that answers as KMS does. */
export function createKmsServer(state: ServerState): Server {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MILLISECONDS }, (request, response) => {
    respond(request, response, state).catch((error: unknown) => {
      // The client went away while its body was read: nobody is left to answer.
      if (request.destroyed && !request.complete) return;
      send(response, failureAnswer(error));
    });
  });
  return server;
}

async function respond(request: IncomingMessage, response: ServerResponse, state: ServerState): Promise<void> {
  if (isControl(request)) {
    send(response, await control(request, state));
    return;
  }
  const operation = targetOperation(request);
  const body = await readBody(request);
  state.log.add({ operation, body: jsonOrUndefined(body), attempt: attemptHeader(request) });
  const fault = state.faults.take(operation);
  if (fault?.delay !== undefined && !(await elapsed(fault.delay, state.closing))) return;
  if (fault?.connection === 'hang') return;
  if (fault?.connection === 'reset') {
    request.socket.resetAndDestroy();
    return;
  }
  send(response, await serve(request, { operation, body, fault, store: state.store }));
}

interface KmsRequest {
  readonly operation: string;
  readonly body: Buffer;
  readonly fault: Fault | undefined;
  readonly store: KeyStore;
}

async function serve(request: IncomingMessage, { operation, body, fault, store }: KmsRequest): Promise<Answer> {
  if (fault?.error !== undefined) throw new KmsError(fault.error.type, fault.error.message, fault.error.status);
  checkAuthorization(request.headers.authorization, store.region);
  const handler = operations.get(operation);
  if (request.method !== 'POST' || request.url !== '/' || handler === undefined) {
    throw new KmsError('UnknownOperationException');
  }
  return { status: 200, body: await handler(store, new Input(parseJson(body))) };
}

function jsonOrUndefined(body: Buffer): unknown {
  try {
    return parseJson(body);
  } catch {
    return undefined;
  }
}

function attemptHeader(request: IncomingMessage): string | null {
  const header = request.headers['amz-sdk-request'];
  return typeof header === 'string' ? header : null;
}

/** Waits; false when the emulator closes before. */
async function elapsed(milliseconds: number, closing: AbortSignal): Promise<boolean> {
  try {
    await wait(milliseconds, undefined, { signal: closing });
    return true;
  } catch {
    return false;
  }
}
