import type { Logger } from '../../src/observability/logger';

/** One log line. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Keeps log lines for a test to read. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = [];

  debug(fields: object, message: string): void {
    this.keep('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.keep('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.keep('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.keep('error', fields, message);
  }

  /** Messages of one level. */
  messages(level: LogLine['level']): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message);
  }

  private keep(level: LogLine['level'], fields: object, message: string): void {
    this.lines.push({ level, fields: { ...fields }, message });
  }
}
