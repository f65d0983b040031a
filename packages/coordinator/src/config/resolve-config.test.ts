import { describe, expect, it } from '@jest/globals';
import { configFields } from './fields';
import { isLoopback, resolveConfig } from './resolve-config';

function problemsOf(sources: Parameters<typeof resolveConfig>[0]): string {
  try {
    resolveConfig(sources);
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
}

describe('resolveConfig', () => {
  it('needs nothing: loopback, the embedded store, the documented ports', () => {
    expect(resolveConfig()).toEqual({
      grpcAddress: '127.0.0.1:8420',
      httpAddress: '127.0.0.1:8421',
      insecure: false,
      store: 'sqlite',
      dataDir: './tercet-data',
      storePasswordFile: '',
      unsafeStore: false,
      nodeTtlMs: 10_000,
      retentionMs: 7 * 86_400_000,
      idempotencyWindowMs: 30 * 86_400_000,
      retainRows: 'off',
      logLevel: 'info',
      clockSkewMs: 5_000,
      shutdownGraceMs: 10_000,
      batchOperationsMax: 512,
      batchBytesMax: 8_388_608,
      queueOperationsMax: 20_000,
      queueBytesMax: 67_108_864,
      targetConcurrencyMax: 64,
      targetUnfinishedMax: 100_000,
      undecidedMax: 50_000,
      residentMax: 100_000,
      payloadCacheBytesMax: 67_108_864,
      deliver: 'auto',
    });
  });

  it('takes a flag before a variable, and a variable before the default', () => {
    const env = { TERCET_DATA_DIR: '/from-env', TERCET_LOG_LEVEL: 'debug' };
    const config = resolveConfig({ flags: { 'data-dir': '/from-flag' }, env });
    expect(config).toMatchObject({ dataDir: '/from-flag', logLevel: 'debug', store: 'sqlite' });
  });

  it('ignores an empty variable', () => {
    expect(resolveConfig({ env: { TERCET_STORE: '' } }).store).toBe('sqlite');
  });

  it('reports all problems at once, each with its option and variable', () => {
    expect(
      problemsOf({
        flags: { 'grpc-address': 'nowhere', 'clock-skew': 'soon', typo: 'x', 'data-dri': 'x' },
        env: { TERCET_STORE: 'oracle', TERCET_QUEUE_BYTES_MAX: '-1' },
      }),
    ).toMatchInlineSnapshot(`
"the configuration has 6 problems:
  - --grpc-address must be host:port, such as 127.0.0.1:8420 or [::1]:8420, got "nowhere"
  - TERCET_STORE (--store) must be one of sqlite, sqlite:FOLDER, memory, mysql://USER@HOST/DATABASE, mariadb://…, postgres://…, got "oracle"
  - --clock-skew must be a duration of at most 24h, such as 500ms, 5s or 2m, got "soon"
  - TERCET_QUEUE_BYTES_MAX (--queue-bytes-max) must be a whole number of at least 1, got "-1"
  - --typo is no option
  - --data-dri is no option; did you mean --data-dir?"
`);
  });

  it('tells rules between settings together with settings that are wrong by themselves', () => {
    const flags = { 'grpc-address': '0.0.0.0:1', store: 'y', 'queue-bytes-max': '10' };
    const problems = problemsOf({ flags });
    expect(problems).toContain('3 problems');
    expect(problems).toContain('--store must be one of');
    expect(problems).toContain('0.0.0.0:1 listens beyond loopback');
    expect(problems).toContain('--batch-bytes-max must not exceed');
  });

  it('listens beyond loopback only when told that this is insecure', () => {
    const flags = { 'grpc-address': '0.0.0.0:8420' };
    expect(problemsOf({ flags })).toContain('listens beyond loopback');
    expect(problemsOf({ flags })).toContain('add --insecure');
    expect(resolveConfig({ flags: { ...flags, insecure: 'true' } }).grpcAddress).toBe(
      '0.0.0.0:8420',
    );
  });

  it('checks rules between settings', () => {
    expect(problemsOf({ flags: { 'queue-bytes-max': '10' } })).toContain(
      '--batch-bytes-max must not exceed',
    );
    expect(problemsOf({ flags: { 'batch-operations-max': '30000' } })).toContain(
      '--batch-operations-max must not exceed --queue-operations-max',
    );
    expect(problemsOf({ flags: { 'http-address': '127.0.0.1:8420' } })).toContain('must differ');
    expect(
      problemsOf({ flags: { 'http-address': '127.0.0.1:0', 'grpc-address': '127.0.0.1:0' } }),
    ).toBe('none');
  });

  it('keeps tombstones at least as long as what they are of', () => {
    expect(problemsOf({ flags: { retention: '31d' } })).toContain(
      '--idempotency-window must be at least --retention',
    );
    expect(problemsOf({ flags: { 'idempotency-window': '1d' } })).toContain('shorten the other');
    for (const flags of [
      { retention: '30d' },
      { retention: 'off', 'idempotency-window': '1m' },
      { retention: '3650d', 'idempotency-window': '3650d' },
    ]) {
      expect(problemsOf({ flags })).toBe('none');
    }
  });

  it.each([
    ['retention', '59s', 'must be a duration of 1m to 3650d, such as 7d or 12h, or off'],
    ['retention', '3651d', 'must be a duration of 1m to 3650d, such as 7d or 12h, or off'],
    ['retention', 'never', 'must be a duration of 1m to 3650d, such as 7d or 12h, or off'],
    ['idempotency-window', 'off', 'must be a duration of 1m to 3650d, such as 7d or 12h, got'],
    ['retain-rows', '0', 'must be a whole number of at least 1, or off'],
  ])('refuses --%s %s', (flag, given, text) => {
    expect(problemsOf({ flags: { [flag]: given } })).toContain(text);
  });

  it.each([
    ['7d', 604_800_000],
    ['1.5d', 129_600_000],
    ['36h', 129_600_000],
    ['1m', 60_000],
  ])('takes --retention %s', (given, ms) => {
    expect(resolveConfig({ flags: { retention: given } }).retentionMs).toBe(ms);
  });

  it.each(Object.values(configFields))(
    'has a default for $flag that its own check accepts',
    (field) => {
      expect(() => field.parse(field.default)).not.toThrow();
    },
  );

  it.each([
    ['127.0.0.1:1', true],
    ['127.8.8.8:1', true],
    ['localhost:1', true],
    ['[::1]:1', true],
    ['0.0.0.0:1', false],
    ['[::]:1', false],
    ['10.0.0.1:1', false],
    ['127.0.0.1.evil.example:1', false],
  ])('knows whether %s is loopback: %s', (address, loopback) => {
    expect(isLoopback(address)).toBe(loopback);
  });
});
