/** A participant that writes down what it is called with, and does what a test says. */
import { type CallContext, defineTcc } from '@tercet/sdk';
import { type ReserveReply, type ReserveRequest, StockTccService } from './stock-service';

type Phase = 'try' | 'confirm' | 'cancel';
type Hook = (request: ReserveRequest, ctx: CallContext) => Promise<void> | void;

/** Whose participant keeps late Tries out by itself: its Cancel need not wait. */
export const guarded = defineTcc(
  StockTccService,
  { reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } },
  { barrier: true },
);

/** Handlers, and the story of their calls. */
export class Shelf {
  /** `try 1`, `confirm 1`, … in the order of arrival. */
  readonly story: string[] = [];
  readonly contexts: CallContext[] = [];
  /** What a phase does besides answering. */
  readonly hooks: { [P in Phase]?: Hook } = {};

  readonly handlers = {
    reserve: {
      try: async (request: ReserveRequest, ctx: CallContext): Promise<ReserveReply> => {
        await this.note(request, ctx);
        return { reservationId: `${request.sku}-${ctx.branchId}` };
      },
      confirm: (request: ReserveRequest, ctx: CallContext): Promise<void> =>
        this.note(request, ctx),
      cancel: (request: ReserveRequest, ctx: CallContext): Promise<void> => this.note(request, ctx),
    },
  };

  private async note(request: ReserveRequest, ctx: CallContext): Promise<void> {
    this.story.push(`${ctx.phase} ${ctx.branchId}`);
    this.contexts.push(ctx);
    await this.hooks[ctx.phase]?.(request, ctx);
  }
}
