/** Loaded into every program of the demo: it ends with the demo, however that ended. Nobody is left behind. */
process.once('disconnect', () => process.exit(1));
// The channel alone must not keep a program alive that is done.
process.channel?.unref();
