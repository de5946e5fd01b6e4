/**
 * Preloaded (`node --import`) into the processes of the functions. In JavaScript, because stripping types would slow down
 * each start.
 */
import { Server } from 'node:net';

// Ends the process with the stack, even after `kill -9`, which only closes this channel.
process.once('disconnect', () => process.exit(0));
process.channel?.unref();

// functions-framework takes no host and listens on every interface (5.0.5, `main.js`: `listen(port, callback)`). This
// process reports its port, because only it knows which port 0 became.
const { listen } = Server.prototype;
Server.prototype.listen = function onLoopback(port, ...rest) {
  Server.prototype.listen = listen;
  this.once('listening', () => process.send?.({ port: this.address().port }));
  return Reflect.apply(listen, this, [port, '127.0.0.1', ...rest]);
};
