import { describe, expect, it } from '@jest/globals';
import { aRequest } from '../../../test/support/deliver-world';
import { splitMetadata, unaryMetadata } from './unary-form';

const { context } = aRequest('', { phase: 'try' });
const written = {
  'tercet-gid': 'order-1',
  'tercet-run-id': 'ab'.repeat(16),
  'tercet-branch-id': '1',
  'tercet-action': 'reserve',
  'tercet-phase': 'try',
  'tercet-attempt': '1',
  'tercet-not-after': '1800000000000',
};

describe('metadata', () => {
  it('is taken apart into what every call has, and everything else', () => {
    const own = { 'x-tenant': 'blue', 'key-bin': Uint8Array.of(1) };
    expect(splitMetadata({ ...own, ...written })).toEqual({ context, metadata: own });
    expect(splitMetadata(written)).toEqual({ context, metadata: undefined });
  });

  it('keeps the trace, with a tracestate or without', () => {
    const traceparent = '00-a-b-01';
    expect(splitMetadata({ ...written, traceparent }).context?.trace).toEqual({
      traceparent,
      tracestate: '',
    });
    const { context: traced } = splitMetadata({ ...written, traceparent, tracestate: 'x=y' });
    expect(traced?.trace).toEqual({ traceparent, tracestate: 'x=y' });
  });

  it.each([
    ['a missing key', { ...written, 'tercet-gid': undefined }],
    ['a missing run', { ...written, 'tercet-run-id': undefined }],
    ['a missing branch', { ...written, 'tercet-branch-id': undefined }],
    ['a missing action', { ...written, 'tercet-action': undefined }],
    ['an unknown phase', { ...written, 'tercet-phase': 'prepare' }],
    ['a number with a leading zero', { ...written, 'tercet-attempt': '01' }],
    ['a number that is none', { ...written, 'tercet-not-after': 'soon' }],
    ['a number that is too long', { ...written, 'tercet-attempt': '1234567890' }],
    ['a tracestate without a traceparent', { ...written, tracestate: 'x=y' }],
  ])('with %s is not understood: all of it stays metadata', (_name, given) => {
    const all = JSON.parse(JSON.stringify(given)) as Record<string, string>;
    expect(splitMetadata(all)).toEqual({ context: undefined, metadata: all });
  });

  it('is put together again as it was', () => {
    const all = { ...written, 'x-tenant': 'blue', traceparent: '00-a-b-01', tracestate: 'x=y' };
    const request = { ...aRequest('', {}), ...splitMetadata(all) };
    expect(unaryMetadata(request).getMap()).toEqual(all);
  });
});
