/** Tests of transactions: a coordinator in the test itself, faults on demand, and a kit that checks participants. */

// A coordinator on a virtual clock.
export { createTestCoordinator } from './create-test-coordinator';
export type { ServeOptions, TestCoordinator, TestCoordinatorOptions } from './test-coordinator';
export type { ServedParticipant } from './participants/served';
export type { ClientOptions } from './initiator/test-client';
export type { DefinitionLike, FailureOptions, FaultScript, Faults } from './faults/fault-script';
export type { RecordedAnswer, RecordedCall } from './history';
export type { ExpectSettledOptions } from './outcome/settlement';
export type { AllowedLeaks } from './leaks';
/** For a gRPC server of the test's own: gives its handlers the deadline of the virtual clock as `ctx.deadline`. */
export { virtualDeadlines } from './participants/virtual-deadline';

// The conformance kit.
export * from './conformance';
