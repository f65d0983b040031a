import { describe, expect, it } from '@jest/globals';
import { type CpuProfile, selfTimes } from './self-time';

function node(id: number, functionName: string, url = '', lineNumber = -1) {
  return { id, callFrame: { functionName, url, lineNumber } };
}

describe('the costliest functions of a profile', () => {
  const grpc = 'file:///somewhere/node_modules/@grpc/grpc-js/build/src/call.js';
  const profile: CpuProfile = {
    nodes: [
      node(1, '(idle)'),
      node(2, 'decide', 'file:///somewhere/packages/core/dist/decide.js', 9),
      node(3, '', grpc, 0),
      // The same function, called from somewhere else.
      node(4, 'decide', 'file:///somewhere/packages/core/dist/decide.js', 9),
      node(5, '(garbage collector)'),
    ],
    samples: [1, 2, 3, 4, 5],
    timeDeltas: [1_000, 100_000, 3_000, 1_000, 5_000, 1_000],
  };

  it('are those in whose own code the time was spent, idling aside', () => {
    expect(selfTimes(profile)).toEqual([
      { name: 'decide  core/dist/decide.js:10', ms: 8, share: 0.8 },
      { name: '(anonymous)  @grpc/grpc-js/build/src/call.js:1', ms: 1, share: 0.1 },
      { name: '(garbage collector)', ms: 1, share: 0.1 },
    ]);
  });

  it('are none where nothing happened', () => {
    expect(selfTimes({ nodes: [node(1, '(idle)')], samples: [1], timeDeltas: [5] })).toEqual([]);
  });
});
