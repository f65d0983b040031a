import pino from 'pino';
import type { LogLevel } from '../config/fields';
import type { Logger } from './logger';

/** JSON lines on standard error, with `gid` and `branch` where a line is about one. */
export function pinoLogger(level: LogLevel): Logger {
  return pino(
    { level, base: null, serializers: { err: pino.stdSerializers.err } },
    pino.destination({ dest: 2, sync: true }),
  );
}
