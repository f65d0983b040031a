/** The conformance kit for participants. */
export {
  type ParticipantLaw,
  checkParticipant,
  participantLaws,
} from './check-participant';
export type { CheckOptions, CheckedHandlers, RequestGenerators } from './check-options';
export type { LawId } from './law';
export { type LawResult, ParticipantLawError, type ParticipantReport } from './report';
