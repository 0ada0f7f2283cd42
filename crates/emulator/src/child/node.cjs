// Loaded by `latchkey emulate -- …` into versions of Node that ignore HTTPS_PROXY; newer ones know what to do.
'use strict';

const bare = (host) => (host || 'localhost').replace(/^\[|\]$/g, '');
const url = process.env.HTTPS_PROXY && new URL(process.env.HTTPS_PROXY);
const proxy = url && { host: bare(url.hostname), port: url.port };
const knowsProxies = process.allowedNodeEnvironmentFlags.has('--use-env-proxy');
if (proxy && !knowsProxies) useProxy();

function useProxy() {
  const http = require('node:http');
  const tls = require('node:tls');
  const own = { connect: tls.connect, addRequest: http.Agent.prototype.addRequest };

  // All TLS passes here, that of https, http2 and fetch too. A program that knows proxies, as axios does, comes with
  // a socket of its own or asks for the proxy's address, and is left alone.
  tls.connect = function connect(...args) {
    const options = {};
    let listener;
    for (const arg of args) {
      if (typeof arg === 'function') listener = arg;
      else if (typeof arg === 'object') Object.assign(options, arg);
      else if (isNaN(arg)) options.host = arg;
      else options.port = arg;
    }
    if (options.socket || options.path || !isOutside(options.host)) return own.connect.apply(this, args);
    const { stream, keep } = tunnel(http, options.host, options.port || 443);
    const socket = own.connect.call(this, { ...options, socket: stream }, listener);
    stream.once('error', (error) => socket.destroy(error));
    // A connection in the pool of an agent does not keep the process alive; nor may the tunnel below it.
    for (const name of ['ref', 'unref']) {
      const method = socket[name];
      socket[name] = function () {
        keep(name);
        return method.call(this);
      };
    }
    return socket;
  };

  // Plain HTTP needs no tunnel: a proxy takes the whole URL in the place of the path. (fetch of http:// stays direct.)
  http.Agent.prototype.addRequest = function addRequest(request, options, ...rest) {
    const host = options.host || options.hostname;
    if (this.protocol !== 'http:' || options.socketPath || !isOutside(host)) {
      return own.addRequest.call(this, request, options, ...rest);
    }
    const port = [undefined, null, '', 80, '80'].includes(options.port) ? '' : `:${options.port}`;
    request.path = `http://${host}${port}${request.path}`;
    const there = { ...options, hostname: proxy.host, ...proxy };
    return own.addRequest.call(this, request, there, ...rest);
  };

  // `import { connect } from 'node:tls'` sees the same.
  require('node:module').syncBuiltinESMExports();
}

function isOutside(host) {
  const inside = [proxy.host, ...(process.env.NO_PROXY || '').split(',')].map((name) => name.trim()).filter(Boolean);
  const name = bare(host);
  return !inside.some((known) => name === known || name.endsWith(`.${known.replace(/^\./, '')}`));
}

// A stream to a host through the proxy: writes wait until the proxy has agreed.
function tunnel(http, host, port) {
  const { Duplex } = require('node:stream');
  const path = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const request = http.request({
    ...proxy, method: 'CONNECT', path, headers: { host: path }, agent: false,
  });
  let wanted = 'ref';
  const opened = new Promise((resolve, reject) => {
    request.once('connect', (response, socket) => {
      if (response.statusCode === 200) return resolve(socket[wanted]());
      socket.destroy();
      // The status line is where the proxy says why.
      reject(new Error(`${response.statusCode} ${response.statusMessage}`));
    });
    request.once('error', reject).end();
  });
  const stream = new Duplex({
    write: (chunk, encoding, done) => void opened.then((socket) => socket.write(chunk, encoding, done), done),
    final: (done) => void opened.then((socket) => socket.end(done), done),
    read: () => void opened.then((socket) => socket.resume(), () => {}),
    destroy(error, done) {
      request.destroy();
      opened.then((socket) => socket.destroy(), () => {});
      done(error);
    },
  });
  opened.then((socket) => {
    socket.on('data', (chunk) => stream.push(chunk) || socket.pause());
    socket.on('end', () => stream.push(null));
    socket.on('error', (error) => stream.destroy(error));
    socket.on('close', () => stream.destroy());
  }, (error) => stream.destroy(error));
  const keep = (name) => {
    wanted = name;
    opened.then((socket) => socket[name](), () => {});
  };
  return { stream, keep };
}
