import { MemoryStore, type OperationResult, type StoreOperation } from '@tercet/coordinator';
import type { Gate } from './gate';

/** A store whose writes wait at gates: what they hold is pending, neither durable nor refused. */
export class GatedStore extends MemoryStore {
  private readonly gates: { readonly kind: StoreOperation['kind']; readonly gate: Gate }[] = [];

  /** Makes the next write that holds an operation of this kind wait, before it is applied. */
  hold(kind: StoreOperation['kind'], gate: Gate): void {
    this.gates.push({ kind, gate });
  }

  override async write(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]> {
    const place = this.gates.findIndex(({ kind }) => batch.some((op) => op.kind === kind));
    const [held] = place < 0 ? [] : this.gates.splice(place, 1);
    await held?.gate.pass();
    return await super.write(batch);
  }
}
