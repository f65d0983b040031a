/**
 * What branches of one definition and target share, as JSON text. Thousands of branches have the same: the text is
 * made, and its content checked, once for each.
 */
import type { BranchSpec, Gid } from '@tercet/core';
import { assertSpec } from '../row-rules';
import { cleanText } from '../stored-form';

/** What branches share: all but id and bytes. */
export type SpecShape = Omit<BranchSpec, 'id' | 'payload' | 'confirmPayload' | 'cancelPayload'>;

/** Fields of a shape, in this order; it never changes, new ones come last. */
export type ShapeFields = readonly [...RequiredFields, ...OptionalFields];

type RequiredFields = [
  action: string,
  target: string,
  forward: string,
  confirm: string,
  cancel: string,
  forwardMs: number,
  confirmMs: number,
  cancelMs: number,
  firstDelayMs: number,
  maxDelayMs: number,
  stuckAfterMs: number,
  stuckAttempts: number,
];

/** Null or missing = no, tcc, initiator, tercet, none. */
type OptionalFields = [
  parkPermanentErrors?: 0 | 1 | null,
  barrier?: 0 | 1 | null,
  mode?: BranchSpec['mode'] | null,
  driver?: BranchSpec['driver'] | null,
  dialect?: BranchSpec['dialect'] | null,
  after?: BranchSpec['after'] | null,
];

interface Known {
  readonly shape: SpecShape;
  readonly text: string;
}

/** Pairs of target and method that are remembered; beyond, remembering begins anew. */
const PAIRS_MAX = 1_000;
/** Shapes that are remembered of each pair. */
const SHAPES_MAX = 4;

type ByMethod = Map<string, readonly Known[]>;

/** Remembers the texts of shapes. */
export class SpecShapes {
  /** By target, then by method: two look-ups cost less than one key made of both. */
  private readonly byTarget = new Map<string, ByMethod>();
  private pairs = 0;

  /** The fields of a shape, without brackets. Throws StoreFailure `data`. */
  textOf(gid: Gid, spec: BranchSpec): string {
    const candidates = this.byTarget.get(spec.target)?.get(spec.methods.forward) ?? [];
    for (const { shape, text } of candidates) if (sameShape(shape, spec)) return text;
    assertSpec(gid, spec);
    const known = { shape: shapeAlone(spec), text: encodeShape(spec) };
    this.remember([known, ...candidates.slice(0, SHAPES_MAX - 1)], known.shape);
    return known.text;
  }

  private remember(shapes: readonly Known[], { target, methods }: SpecShape): void {
    if (shapes.length === 1 && ++this.pairs > PAIRS_MAX) {
      this.byTarget.clear();
      this.pairs = 1;
    }
    const byMethod: ByMethod = this.byTarget.get(target) ?? new Map<string, readonly Known[]>();
    this.byTarget.set(target, byMethod.set(methods.forward, shapes));
  }
}

/** Without the bytes, which would stay in memory with it. */
function shapeAlone(spec: BranchSpec): SpecShape {
  const { action, target, methods, deadlines, retry, after } = spec;
  const { mode, driver, dialect, stuckAfterMs, stuckAttempts, parkPermanentErrors, barrier } = spec;
  return {
    ...{ action, target, methods, deadlines, retry, after, mode, driver, dialect },
    ...{ stuckAfterMs, stuckAttempts, parkPermanentErrors, barrier },
  };
}

function sameShape(a: SpecShape, b: SpecShape): boolean {
  return (
    a.target === b.target &&
    a.action === b.action &&
    a.mode === b.mode &&
    a.driver === b.driver &&
    a.dialect === b.dialect &&
    a.stuckAfterMs === b.stuckAfterMs &&
    a.stuckAttempts === b.stuckAttempts &&
    a.parkPermanentErrors === b.parkPermanentErrors &&
    a.barrier === b.barrier &&
    a.retry.firstDelayMs === b.retry.firstDelayMs &&
    a.retry.maxDelayMs === b.retry.maxDelayMs &&
    sameCalls(a, b) &&
    a.after.length === b.after.length &&
    a.after.every((id, i) => id === b.after[i])
  );
}

function sameCalls(a: SpecShape, b: SpecShape): boolean {
  return (
    a.methods.forward === b.methods.forward &&
    a.methods.confirm === b.methods.confirm &&
    a.methods.cancel === b.methods.cancel &&
    a.deadlines.forwardMs === b.deadlines.forwardMs &&
    a.deadlines.confirmMs === b.deadlines.confirmMs &&
    a.deadlines.cancelMs === b.deadlines.cancelMs
  );
}

function encodeShape(spec: SpecShape): string {
  const { methods, deadlines, retry } = spec;
  const fields: ShapeFields = [
    cleanText(spec.action),
    cleanText(spec.target),
    cleanText(methods.forward),
    cleanText(methods.confirm),
    cleanText(methods.cancel),
    deadlines.forwardMs,
    deadlines.confirmMs,
    deadlines.cancelMs,
    retry.firstDelayMs,
    retry.maxDelayMs,
    spec.stuckAfterMs,
    spec.stuckAttempts,
    spec.parkPermanentErrors ? 1 : null,
    spec.barrier ? 1 : null,
    spec.mode === 'tcc' ? null : spec.mode,
    spec.driver === 'initiator' ? null : spec.driver,
    spec.dialect === 'tercet' ? null : spec.dialect,
    spec.after.length === 0 ? null : spec.after,
  ];
  const length = fields.findLastIndex((field) => field !== null) + 1;
  return JSON.stringify(fields.slice(0, length)).slice(1, -1);
}

/** The shape that fields say. */
export function decodeShape(fields: ShapeFields): SpecShape {
  const [action, target, forward, confirm, cancel, forwardMs, confirmMs, cancelMs, ...rest] =
    fields;
  const [firstDelayMs, maxDelayMs, stuckAfterMs, stuckAttempts, ...optional] = rest;
  const [park, barrier, mode, driver, dialect, after] = optional;
  return {
    ...{ action, target, stuckAfterMs, stuckAttempts },
    mode: mode ?? 'tcc',
    driver: driver ?? 'initiator',
    dialect: dialect ?? 'tercet',
    methods: { forward, confirm, cancel },
    after: after ?? [],
    deadlines: { forwardMs, confirmMs, cancelMs },
    retry: { firstDelayMs, maxDelayMs },
    parkPermanentErrors: park === 1,
    barrier: barrier === 1,
  };
}
