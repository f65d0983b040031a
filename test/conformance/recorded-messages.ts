/**
 * What an SDK of the first contracts sent, byte for byte, recorded when there were no sessions, no results and no orders of
 * operators: a transaction of two branches that was committed, and one that was rolled back.
 */

/** One request. */
export interface RecordedMessage {
  readonly method: string;
  readonly bytes: Buffer;
}

/** Where the participant was. Another one has to have an address of the same length. */
const RECORDED_TARGET = '127.0.0.1:45741';
/** Of the one that was committed. */
export const recordedGid = 'old-committed';
/** Of the one that was rolled back. */
export const rolledBackGid = 'old-rolled-back';

const recorded = {
  first: {
    method: 'RegisterBranches',
    hex: [
      '0a0d6f6c642d636f6d6d6974746564122063646433616362623139663866643639383730343333383962383238366134',
      '631a1e0a056f72646572109cea011a0408011001220b0a0473686f7012036f6e6522b2010a0131120772657365727665',
      '180120012801320f3132372e302e302e313a34353734313a182f73686f702e53686f705463632f526573657276655472',
      '79421c2f73686f702e53686f705463632f52657365727665436f6e6669726d4a1b2f73686f702e53686f705463632f52',
      '65736572766543616e63656c521c7b22736b75223a226170706c65222c227175616e74697479223a317d708827788827',
      '800188278a010708c80110e0d4039001e0a712980101',
    ],
  },
  second: {
    method: 'RegisterBranches',
    hex: [
      '0a0d6f6c642d636f6d6d6974746564122063646433616362623139663866643639383730343333383962383238366134',
      '6322ae010a01321206636861726765180120012801320f3132372e302e302e313a34353734313a172f73686f702e5368',
      '6f705463632f436861726765547279421b2f73686f702e53686f705463632f436861726765436f6e6669726d4a1a2f73',
      '686f702e53686f705463632f43686172676543616e63656c521c7b226163636f756e74223a22616e6e222c2263656e74',
      '73223a33307d708827788827800188278a010708c80110e0d4039001e0a712980101',
    ],
  },
  commit: {
    method: 'Commit',
    hex: [
      '0a0d6f6c642d636f6d6d6974746564122063646433616362623139663866643639383730343333383962383238366134',
      '631a01311a0132280230d00f',
    ],
  },
  get: {
    method: 'GetTransaction',
    hex: ['0a0d6f6c642d636f6d6d6974746564'],
  },
  rollback: {
    method: 'Rollback',
    hex: [
      '0a0f6f6c642d726f6c6c65642d6261636b12203837343736663263633835663763316532663862336537356164333238',
      '3838661a026e6f22050a01311003280230d00f',
    ],
  },
  wait: {
    method: 'WaitTransaction',
    hex: ['0a0f6f6c642d726f6c6c65642d6261636b100318a09c01'],
  },
} as const;

/** A message as it was sent, except that its branches go to the participant at `target`. */
export function recordedMessage(
  name: keyof typeof recorded,
  target = RECORDED_TARGET,
): RecordedMessage {
  if (target.length !== RECORDED_TARGET.length) throw new Error(`${target} has another length`);
  const { method, hex } = recorded[name];
  const text = Buffer.from(hex.join(''), 'hex').toString('latin1');
  return { method, bytes: Buffer.from(text.replaceAll(RECORDED_TARGET, target), 'latin1') };
}
