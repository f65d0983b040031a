/** The coordinator that is measured: the product with its defaults, and two numbers counted on the way to its store. */
import { Coordinator, type StoreSetting, resolveConfig, storeOf } from '@tercet/coordinator';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import type { StoreKind } from '../configurations';
import { type WriteCounts, countWrites } from '../counted-store';
import { type Answers, answerParent, markNow } from './answer-parent';
import type { CoordinatorCalls } from './calls';

let coordinator: Coordinator | undefined;
let counts: WriteCounts = { commits: 0, operations: 0, expired: 0, forgotten: 0 };

const answers: Answers<CoordinatorCalls> = {
  async start({ store: kind, place, deliver, nodeTtlMs = resolveConfig().nodeTtlMs, retention }) {
    const ports = { clock: systemClock, scheduler: systemScheduler, random: systemRandom };
    const where = { store: settingOf(kind, place), nodeTtlMs };
    const store = storeOf({ ...resolveConfig(), ...where }, ports);
    counts = countWrites(store);
    const settings = { grpcAddress: '127.0.0.1:0', httpAddress: 'off', deliver, nodeTtlMs };
    coordinator = new Coordinator({ config: { ...settings, ...retention }, store });
    const { grpcPort } = await coordinator.start();
    return { address: `127.0.0.1:${grpcPort}` };
  },
  mark: () => ({ ...markNow(), ...counts }),
};

function settingOf(kind: StoreKind, place: string): StoreSetting {
  if (kind === 'memory') return kind;
  return kind === 'sqlite' ? `sqlite:${place}` : (place as StoreSetting);
}

// Ended in the middle of a commit, the thread of the store would abort the process, and no profile would be written.
answerParent(answers, async () => await coordinator?.stop());
