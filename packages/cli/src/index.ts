/** The `tercet` command as a function, for wrappers and tests. Everybody else runs `tercet`. */
export { run } from './program';
export type { BarrierMaker, BarrierModules, CliDeps, Output, ServerModule } from './cli-deps';
export { exitCodes } from './exit-codes';
