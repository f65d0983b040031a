/** The law that all others stand on. */
import type { Law } from '../law';
import { Reference } from '../reference';

/** L1. */
export const undisturbed: Law = {
  id: 'L1',
  title: 'Where nothing goes wrong, Try and Confirm are answered OK',
  money: 'No transaction with this participant ever ends.',
  mend: 'Call the handlers with the request of the story, one after the other, and see what they throw.',
  check: (stage) => Reference.of(stage),
};
