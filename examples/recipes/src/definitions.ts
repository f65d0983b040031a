/** The recipes' actions, as both sides share them. */
import { defineTcc } from '@tercet/sdk';
import { CardTccService, ShelfTccService, TrainTccService } from './gen/recipes/v1/recipes';

// With a barrier at the participant, a Cancel after a timeout need not wait until no Try can come any more.
const options = { barrier: true } as const;

/** Pieces of an article. */
export const shelf = defineTcc(
  ShelfTccService,
  { reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } },
  options,
);

/** Seats of a train. */
export const train = defineTcc(
  TrainTccService,
  { pick: { try: 'pickTry', confirm: 'pickConfirm', cancel: 'pickCancel' } },
  options,
);

/** Money on a card. */
export const card = defineTcc(
  CardTccService,
  { charge: { try: 'chargeTry', confirm: 'chargeConfirm', cancel: 'chargeCancel' } },
  options,
);
