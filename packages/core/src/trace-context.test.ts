import { describe, expect, test } from '@jest/globals';
import { traceProblem } from './trace-context';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('a trace context', () => {
  test.each([
    { traceparent, tracestate: '' },
    { traceparent, tracestate: 'vendor=a b,other=c' },
    { traceparent, tracestate: 'x'.repeat(512) },
    { traceparent: `cc${traceparent.slice(2)}-what-the-future-holds`, tracestate: '' },
  ])('can be carried: %j', (trace) => {
    expect(traceProblem(trace)).toBeUndefined();
  });

  test.each([
    ['traceparent', { traceparent: '', tracestate: '' }],
    ['traceparent', { traceparent: traceparent.toUpperCase(), tracestate: '' }],
    ['traceparent', { traceparent: `${traceparent}-ü`, tracestate: '' }],
    ['tracestate', { traceparent, tracestate: 'a=\n' }],
    ['tracestate', { traceparent, tracestate: 'ü' }],
    ['tracestate', { traceparent, tracestate: 'x'.repeat(513) }],
  ])('is refused for its %s: %j', (field, trace) => {
    expect(traceProblem(trace)).toMatchObject({ field });
  });

  test('is refused in words that follow the name of its field', () => {
    expect(traceProblem({ traceparent: 'x', tracestate: '' })?.message).toBe(
      'must be a W3C traceparent such as 00-<32 hex>-<16 hex>-01, got "x"',
    );
  });
});
