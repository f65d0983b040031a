/** Participants that do nothing but answer, each on a server of its own, and the same methods without Tercet. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js';
import { addTcc } from '@tercet/sdk';
import { BenchService, type ReserveReply, bench } from '../bench-service';
import { answerParent, markNow } from './answer-parent';
import type { ConfirmBehaviour, ParticipantAddress, ParticipantsCalls } from './calls';

const reply: ReserveReply = { reservationId: 'reservation-1' };
let behaviour: ConfirmBehaviour = 'answers';

answerParent<ParticipantsCalls>({
  start: ({ ports }) => Promise.all(ports.map(startParticipant)),
  behave(confirm) {
    behaviour = confirm;
    return undefined;
  },
  mark: markNow,
});

async function startParticipant(port: number): Promise<ParticipantAddress> {
  const server = new Server();
  addTcc(server, bench, { reserve: { try: () => reply, confirm, cancel: () => {} } });
  const plain = new Server();
  const answer = (_call: unknown, done: sendUnaryData<ReserveReply>): void => done(null, reply);
  const nothing = (_call: unknown, done: sendUnaryData<object>): void => done(null, {});
  plain.addService(BenchService, {
    reserveTry: answer,
    reserveConfirm: nothing,
    reserveCancel: nothing,
  });
  return { target: await listen(server, port), plainTarget: await listen(plain, 0) };
}

/** An async function would cost every Confirm a promise that the others do not need. */
function confirm(): void | Promise<void> {
  if (behaviour === 'answers') return;
  if (behaviour === 'hangs') return new Promise(() => {});
  return sleep(behaviour.answersAfterMs);
}

function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(`127.0.0.1:${bound}`);
      else reject(error);
    });
  });
}
