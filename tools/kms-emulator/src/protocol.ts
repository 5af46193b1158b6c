import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { KmsError } from './kms-error.ts';

export const AWS_JSON = 'application/x-amz-json-1.1';

/** No request of KMS comes near this: a key policy of 128 KiB is the largest member. */
const BODY_BYTES = 1024 * 1024;
const TARGET = /^TrentService\.([A-Za-z]+)$/;

/** The operation that a request asks for, or the empty string. */
export function targetOperation(request: IncomingMessage): string {
  const target = request.headers['x-amz-target'];
  return TARGET.exec(typeof target === 'string' ? target : '')?.[1] ?? '';
}

/** @throws KmsError `RequestEntityTooLargeException` above 1 MiB; the rest is then left unread. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES) throw new KmsError('RequestEntityTooLargeException', 'The request body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws KmsError `SerializationException` when `bytes` is not UTF-8 JSON. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw new KmsError('SerializationException', 'The request body is not JSON');
  }
}

export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly contentType?: string;
}

/** Sends `answer` as JSON; on a request whose body was not read to its end, the connection closes after it. */
export function send(response: ServerResponse, answer: Answer): void {
  if (response.destroyed || response.headersSent) return;
  const body = Buffer.from(JSON.stringify(answer.body));
  response.writeHead(answer.status, {
    'Content-Type': answer.contentType ?? AWS_JSON,
    'Content-Length': body.length,
    'x-amzn-RequestId': randomUUID(),
    ...(response.req.complete ? {} : { Connection: 'close' }),
  });
  response.end(body);
}

/** Any failure as an answer; one that is no KmsError is a fault of the emulator's own. */
export function failureAnswer(error: unknown): Answer {
  const failure =
    error instanceof KmsError ? error : new KmsError('KMSInternalException', `emulator: ${String(error)}`);
  return { status: failure.status, body: failure.toJSON() };
}
