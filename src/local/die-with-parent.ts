// Preloaded (`node --import`) into the processes that the local stack starts: they end when the stack does, also by
// `kill -9`, which closes this channel and runs nothing else.
process.once('disconnect', () => process.exit(0));
process.channel?.unref();

export {};
