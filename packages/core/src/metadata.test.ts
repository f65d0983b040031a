import { describe, expect, test } from '@jest/globals';
import { metadataKeys } from './metadata';

describe('metadata keys', () => {
  const keys = Object.values(metadataKeys);

  test.each(keys)('%s is a name that gRPC takes: lower case, no reserved prefix', (key) => {
    expect(key).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    expect(key.startsWith('grpc-')).toBe(false);
  });

  test('each name has one meaning', () => expect(new Set(keys).size).toBe(keys.length));

  test('only what holds bytes ends in -bin', () => {
    expect(keys.filter((key) => key.endsWith('-bin'))).toEqual([
      metadataKeys.rejectDetails,
      metadataKeys.errorInfo,
    ]);
  });

  test('all but the W3C trace context carry our prefix', () => {
    const foreign = keys.filter((key) => !key.startsWith('tercet-'));
    expect(foreign).toEqual(['traceparent', 'tracestate']);
  });
});
