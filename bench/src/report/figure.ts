/** A number that is published: with what it should be, and which side of that is the good one. */
import { rounded } from '../statistics';
import type { FigureRow } from './rows';

/** What a figure should be. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** A figure of the report. */
export interface Figure {
  readonly check: string;
  readonly value: number;
  readonly unit: string;
  /** Undefined = it is only told. */
  readonly target?: Target;
}

/** Whether the target is met; undefined without one. */
export function isMet({ value, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

/** `≥ 3`, or nothing. */
export function targetText({ target }: Figure): string {
  if (target === undefined) return '';
  return 'atLeast' in target ? `≥ ${rounded(target.atLeast, 2)}` : `≤ ${rounded(target.atMost, 2)}`;
}

/** As the JSON file has it. */
export function figureRow({ check, value, unit, target }: Figure): FigureRow {
  const number = target === undefined ? null : 'atLeast' in target ? target.atLeast : target.atMost;
  return {
    check,
    value: rounded(value, 3),
    target: number === null ? null : rounded(number, 3),
    unit,
  };
}
