/**
 * Preloaded (`node --import`) into the functions' processes that the local stack starts. In JavaScript: to strip types
 * costs a process its start.
 */
import { Server } from 'node:net';

// They end when the stack does, also by `kill -9`, which closes this channel and runs nothing else.
process.once('disconnect', () => process.exit(0));
process.channel?.unref();

// functions-framework takes no host and listens on every interface (5.0.5, `main.js`: `listen(port, callback)`). The
// port is told to the stack, for only this process knows that it is itself who listens there, and which one 0 became.
const { listen } = Server.prototype;
Server.prototype.listen = function onLoopback(port, ...rest) {
  Server.prototype.listen = listen;
  this.once('listening', () => process.send?.({ port: this.address().port }));
  return Reflect.apply(listen, this, [port, '127.0.0.1', ...rest]);
};
