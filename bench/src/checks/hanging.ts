/** A participant that hangs slows nobody else down. */
import { base } from '../configurations';
import type { Figure } from '../report/figure';
import {
  type Participants,
  type World,
  measureWarm,
  onStage,
  startParticipants,
  warmUp,
} from '../stage';
import { median } from '../statistics';

/** Transactions that wait for the hanging participant before anything is measured. */
const WAITING = 200;
/** More of them come all the time. */
const MORE_EVERY_MS = 50;

/**
 * Throughput of transactions on two participants while others go to a third one, too, which hangs; against the same
 * while the third one answers. A round of each in turn.
 */
export async function checkHanging(
  world: World,
  participants: Participants,
): Promise<readonly Figure[]> {
  world.progress('one of three participants hangs');
  const third = await startParticipants(world, [0]);
  const target = participants.addresses[0]?.target ?? '';
  const targets = [target, third.addresses[0]?.target ?? ''];
  const throughput = async (confirm: 'hangs' | 'answers'): Promise<number> => {
    await third.process.ask('behave', confirm);
    return await onStage(world, { configuration: base, participants }, async (stage) => {
      const { load } = stage;
      await warmUp(world, stage);
      await load.ask('hold', { group: 'waiting', count: WAITING, targets });
      await load.ask('release', { group: 'waiting' });
      await load.ask('trickle', { everyMs: MORE_EVERY_MS, targets });
      return (await measureWarm(world, stage)).tps;
    });
  };
  const results: { readonly hangs: number; readonly answers: number }[] = [];
  for (let round = 0; round < world.rounds; round++) {
    results.push({ hangs: await throughput('hangs'), answers: await throughput('answers') });
  }
  await third.process.end();
  const hangs = median(results.map((one) => one.hangs));
  const answers = median(results.map((one) => one.answers));
  return [
    {
      check: 'one of three participants hangs: throughput on the other two, against none',
      value: hangs / answers,
      unit: '×',
      target: { atLeast: 0.9 },
    },
  ];
}
