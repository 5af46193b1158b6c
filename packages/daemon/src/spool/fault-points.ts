/**
 * Named places before every change that the daemon makes on disk. A test stops the program, or lets the system call fail, at any one of them:
 *
 *     NODE_ENV=test SEALDROP_FAULT=claim.rename:kill,report.sync:EIO:2
 *
 * Each fault is `POINT:ACTION[:WHICH]`. ACTION is `kill` (SIGKILL), `hang` (the call never returns) or an errno; WHICH is the how-manieth time the point is
 * reached (1 by default), or `always`. A hang or an errno is told on stderr as it strikes: `fault POINT:ACTION`. Without NODE_ENV=test the variable is
 * not even read: no stray one can hurt an operator.
 */
import { constants } from 'node:os';

/** What each kind of step does, in this order. A point stands before the change that it is named after. */
const EFFECTS = {
  directory: ['mkdir', 'sync'],
  move: ['rename', 'sync-to', 'sync-from'],
  record: ['create', 'write', 'sync', 'rename', 'sync-directory'],
  link: ['link', 'sync'],
  remove: ['unlink', 'sync'],
  tree: ['remove', 'sync'],
  clear: ['remove'],
  sync: ['sync'],
  rename: ['rename'],
  mode: ['chmod', 'sync'],
  part: ['write'],
} as const;

type Kind = keyof typeof EFFECTS;

/** Every step that changes the spool, a landing or a delivery directory. */
const STEPS = {
  // claim.ts
  'claim-directory': 'directory',
  'claim-members': 'directory',
  'claim-record': 'record',
  'take-member': 'rename',
  'take-stray': 'rename',
  'leave-landing': 'sync',
  'settle-members': 'sync',
  claim: 'move',
  'undo-member': 'link',
  'undo-member-unlink': 'remove',
  'undo-directory': 'move',
  'undo-claim': 'tree',
  // process-envelope.ts
  part: 'part',
  // deliver.ts
  'part-mode': 'mode',
  'part-name': 'sync',
  'delivery-record': 'record',
  publish: 'link',
  'publish-over': 'move',
  'part-unlink': 'remove',
  'undo-delivery': 'remove',
  'undo-part': 'remove',
  delivered: 'move',
  // archive.ts
  archive: 'move',
  'leave-delivered': 'move',
  // remover.ts
  'remove-delivered': 'clear',
  // quarantine.ts
  report: 'record',
  quarantine: 'move',
  // mend-claim.ts
  'take-rest': 'move',
  'undo-empty-claim': 'tree',
  // small-records.ts, and what follows an envelope's end
  history: 'record',
  ledger: 'part',
  told: 'record',
  // leave-quarantine.ts
  'retry-order': 'record',
  untold: 'remove',
  'keep-report': 'move',
  'send-back': 'move',
  discard: 'move',
  'remove-discarded': 'tree',
  'clear-copy': 'tree',
  'copy-out': 'move',
  // operations/ and ledger/
  'outbox-directory': 'directory',
  'outbox-post': 'record',
  'outbox-drop': 'remove',
  'outbox-failed': 'move',
  'ledger-aside': 'move',
} as const satisfies Record<string, Kind>;

export type Step = keyof typeof STEPS;

/** The steps of one kind. */
export type StepOf<K extends Kind> = { [S in Step]: (typeof STEPS)[S] extends K ? S : never }[Step];

export type FaultPoint = { [S in Step]: `${S}.${(typeof EFFECTS)[(typeof STEPS)[S]][number]}` }[Step];

/** In the order of an envelope's way. */
export const FAULT_POINTS: readonly FaultPoint[] = (Object.keys(STEPS) as Step[]).flatMap((step) =>
  EFFECTS[STEPS[step]].map((effect) => `${step}.${effect}` as FaultPoint),
);

interface Fault {
  readonly point: string;
  readonly action: string;
  readonly which: number | 'always';
}

const armed = process.env['NODE_ENV'] === 'test' ? arm(process.env['SEALDROP_FAULT']) : null;

/** Nothing, unless a test asked for a fault here. */
export function reach(step: Step, effect: string): Promise<void> | undefined {
  return armed === null ? undefined : armed(`${step}.${effect}`);
}

function arm(faults: string | undefined): ((point: string) => Promise<void>) | null {
  if (faults === undefined || faults === '') return null;
  const wanted = faults.split(',').map(parseFault);
  const reached = new Map<string, number>();
  return async (point) => {
    const count = (reached.get(point) ?? 0) + 1;
    reached.set(point, count);
    const fault = wanted.find(({ point: name, which }) => name === point && (which === 'always' || which === count));
    if (fault !== undefined) await strike(fault);
  };
}

function parseFault(text: string): Fault {
  const [point = '', action = '', which = '1'] = text.split(':');
  const isKnown = ['kill', 'hang'].includes(action) || action in constants.errno;
  if (!(FAULT_POINTS as readonly string[]).includes(point) || !isKnown) throw new Error(`SEALDROP_FAULT: ${text}?`);
  return { point, action, which: which === 'always' ? which : Number(which) };
}

async function strike({ point, action }: Fault): Promise<void> {
  if (action === 'kill') process.kill(process.pid, 'SIGKILL');
  else process.stderr.write(`fault ${point}:${action}\n`);
  if (action === 'kill' || action === 'hang') await new Promise(() => {});
  const errno = -((constants.errno as Readonly<Record<string, number>>)[action] ?? 0);
  throw Object.assign(new Error(`${action}: fault at ${point}`), { errno, code: action, syscall: point });
}
