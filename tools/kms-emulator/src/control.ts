import type { IncomingMessage } from 'node:http';
import type { Fault, FaultQueue } from './faults.ts';
import { KmsError } from './kms-error.ts';
import { parseJson, readBody } from './protocol.ts';
import type { Answer } from './protocol.ts';
import type { RequestLog } from './request-log.ts';

const PREFIX = '/_emulator/';

/** Whether a request is for the emulator itself and not for KMS. */
export function isControl(request: IncomingMessage): boolean {
  return request.url?.startsWith(PREFIX) ?? false;
}

/** Faults and requests of a running emulator, over HTTP: for trying things by hand. */
export async function control(
  request: IncomingMessage,
  state: { readonly faults: FaultQueue; readonly log: RequestLog },
): Promise<Answer> {
  // A page in a browser can reach loopback; it always says where it comes from.
  if (request.headers.origin !== undefined) return answer(403, { error: 'not from a web page' });
  switch (`${request.method} ${request.url}`) {
    case 'GET /_emulator/requests':
      return answer(200, { requests: state.log.list() });
    case 'GET /_emulator/faults':
      return answer(200, { faults: state.faults.list() });
    case 'DELETE /_emulator/faults':
      state.faults.clear();
      return answer(200, { faults: [] });
    case 'POST /_emulator/faults':
      return injectFault(request, state.faults);
    default:
      return answer(404, { error: 'GET /_emulator/requests, or GET, POST, DELETE /_emulator/faults' });
  }
}

async function injectFault(request: IncomingMessage, faults: FaultQueue): Promise<Answer> {
  try {
    faults.inject(parseFault(parseJson(await readBody(request))));
    return answer(200, { faults: faults.list() });
  } catch (error) {
    if (error instanceof KmsError) return answer(error.status, { error: error.message });
    if (error instanceof TypeError) return answer(400, { error: error.message });
    throw error;
  }
}

function answer(status: number, body: object): Answer {
  return { status, body, contentType: 'application/json' };
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string' && value !== '';
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isStatus: Check = (value) => isCount(value) && Number(value) >= 400 && Number(value) <= 599;

const ERROR_MEMBERS: Readonly<Record<string, Check>> = { type: isText, message: isText, status: isStatus };
const FAULT_MEMBERS: Readonly<Record<string, Check>> = {
  operation: isText,
  error: (value) => isRecord(value) && isText(value['type']) && wrongMember(value, ERROR_MEMBERS) === undefined,
  delay: isCount,
  connection: (value) => value === 'hang' || value === 'reset',
  times: isCount,
};

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first member that is unknown or of a wrong kind. */
function wrongMember(value: object, members: Readonly<Record<string, Check>>): string | undefined {
  return Object.entries(value).find(
    ([name, member]) => !(Object.hasOwn(members, name) && members[name]?.(member)),
  )?.[0];
}

function parseFault(value: unknown): Fault {
  if (!isRecord(value)) throw new TypeError('a fault is a JSON object');
  const wrong = wrongMember(value, FAULT_MEMBERS);
  if (wrong !== undefined) throw new TypeError(`fault: "${wrong}" is unknown or has a wrong value`);
  return value;
}
