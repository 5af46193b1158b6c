import { createLogger, format, transports } from 'winston';
import type { Config } from '../config/schema.ts';
import { logOutput } from './log-output.ts';
import type { NameFilter } from './name-filter.ts';
import { printable } from './printable.ts';

/** The stages of an envelope's way, and of the daemon's own life. */
export type Stage =
  | 'daemon'
  | 'landing'
  | 'claim'
  | 'open'
  | 'deliver'
  | 'archive'
  | 'quarantine'
  | 'recover'
  | 'ledger'
  | 'hook'
  | 'disk';

export interface LogFields {
  readonly stage: Stage;
  /** The envelope's id. */
  readonly envelope?: string | undefined;
  readonly landing?: string | undefined;
  readonly code?: string | undefined;
  readonly [field: string]: string | number | boolean | readonly string[] | null | undefined;
}

/** One JSON line an event on stdout. Never hand it key material, a passphrase or plaintext. */
export interface Logger {
  error(message: string, fields: LogFields): void;
  warn(message: string, fields: LogFields): void;
  info(message: string, fields: LogFields): void;
  debug(message: string, fields: LogFields): void;
  setLevel(level: Config['log']['level']): void;
}

const line = format.printf(({ level, message, ...fields }) =>
  printable(JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })),
);

export function createDaemonLogger(level: Config['log']['level'], names: Pick<NameFilter, 'apply'>): Logger {
  const stream = logOutput((count, { code, message: reason }) =>
    say('warn')('lines of the log were lost', { stage: 'daemon', code, reason, count }),
  );
  const logger = createLogger({ level, format: line, transports: [new transports.Stream({ stream, eol: '\n' })] });
  const say = (severity: string) => (message: string, fields: LogFields) => {
    logger.log(severity, message, names.apply(fields));
  };
  return {
    error: say('error'),
    warn: say('warn'),
    info: say('info'),
    debug: say('debug'),
    setLevel: (next) => {
      logger.level = next;
    },
  };
}
