/** In-memory twins of core's ports, and builders for tests. */
export { ManualTime } from './manual-time';
export { SeededRandom } from './seeded-random';
export { aBranch, aBranchSpec, aTransaction, anOpening } from './builders';
