/** The ways on which calls of one service come and answers leave, as far as `drain` has to wait for them. */
import type { Scheduler } from '@tercet/core';
import type { AnswersUnderWay } from './answers-under-way';
import type { DeliverServer, DeliveredService } from './deliver/deliver-server';
import type { Transports } from './service-calls';

/** How long a caller that was told to send nothing more may take to obey, and one that does not read may hold up `drain`. */
const OBEY_MS_MAX = 1_000;

/** What they are made of. */
export interface ServiceTransportsDeps {
  readonly scheduler: Scheduler;
  /** Answers to unary calls. */
  readonly answers: AnswersUnderWay;
  /** undefined = the server offers no Deliver. */
  readonly deliver:
    | { readonly streams: DeliverServer; readonly service: DeliveredService }
    | undefined;
}

/** Unary calls, and Deliver where it is offered. */
export class ServiceTransports implements Transports {
  constructor(private readonly deps: ServiceTransportsDeps) {}

  async stopArrivals(): Promise<void> {
    const { deliver } = this.deps;
    if (deliver !== undefined) await this.patiently(deliver.streams.withdraw(deliver.service));
  }

  async answersLeft(): Promise<void> {
    const { deliver, answers } = this.deps;
    if (deliver !== undefined) await this.patiently(deliver.streams.outcomesLeft());
    await answers.left();
  }

  private async patiently(work: Promise<void>): Promise<void> {
    let give: () => void = () => {};
    const enough = new Promise<void>((resolve) => {
      give = resolve;
    });
    const timer = this.deps.scheduler.after(OBEY_MS_MAX, give);
    await Promise.race([work, enough]);
    timer.cancel();
  }
}
