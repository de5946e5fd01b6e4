import { builtinModules } from 'node:module';
import type { Plugin } from 'esbuild';

const CLIENT_NODE = /[\\/]@kubernetes[\\/]client-node[\\/]dist[\\/]/;
/** What client-node imports for its own connections and for proxies. The cluster adapter has its own, and refuses proxies. */
const UNUSED = /^(undici|hpagent|socks|socks-proxy-agent)$/;
const UNUSED_NAMES = [
  'Agent',
  'HttpProxyAgent',
  'HttpsProxyAgent',
  'ProxyAgent',
  'SocksClient',
  'SocksProxyAgent',
  'fetch',
];

/** undici's `index.js` also loads its caches, mocks, WebSocket and fetch; the cluster adapter uses `Agent.request`. */
const UNDICI_AGENT = `
import Agent from 'undici/lib/dispatcher/agent.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import request from 'undici/lib/api/api-request.js';
Dispatcher.prototype.request = request;
export { Agent };
`;

/**
 * Bundles the part of @kubernetes/client-node that the cluster adapter uses: of 10 MB, which would be parsed at every
 * cold start, a sixth. The package does not declare that its modules have no side effects, so esbuild would keep the
 * clients of all API groups.
 */
export const leanClientNode: Plugin = {
  name: 'lean-client-node',
  setup(build) {
    build.onResolve({ filter: UNUSED }, ({ importer, path, resolveDir }) => {
      if (CLIENT_NODE.test(importer)) return { path: 'unused', namespace: 'client-node', sideEffects: false };
      if (path !== 'undici' || importer.includes('node_modules')) return undefined;
      return { path: 'undici-agent', namespace: 'client-node', pluginData: resolveDir };
    });
    build.onLoad({ filter: /^undici-agent$/, namespace: 'client-node' }, ({ pluginData }) => ({
      contents: UNDICI_AGENT,
      resolveDir: String(pluginData),
    }));
    build.onLoad({ filter: /^unused$/, namespace: 'client-node' }, () => ({
      contents: UNUSED_NAMES.map(
        (name) => `export function ${name}() { throw new TypeError('${name} is not part of the bundle.'); }`,
      ).join('\n'),
    }));
    // KubeConfig needs two names of this file, which exports the clients too: they would be loaded with it.
    build.onResolve({ filter: /^\.\/gen\/index\.js$/ }, ({ importer, resolveDir }) =>
      CLIENT_NODE.test(importer) && importer.endsWith('config.js')
        ? { path: 'configuration', namespace: 'client-node', sideEffects: false, pluginData: `${resolveDir}/gen` }
        : undefined,
    );
    build.onLoad({ filter: /^configuration$/, namespace: 'client-node' }, ({ pluginData }) => ({
      contents:
        "export { createConfiguration } from './configuration.js'; export { ServerConfiguration } from './servers.js';",
      resolveDir: String(pluginData),
    }));
    build.onResolve({ filter: /^(@kubernetes\/client-node(\/|$)|\.)/ }, async (args) => {
      const { path, pluginData, kind, importer, resolveDir, namespace } = args;
      const isOfClient = !path.startsWith('.') || /[\\/]@kubernetes[\\/]client-node([\\/]|$)/.test(resolveDir);
      if (pluginData === leanClientNode.name || !isOfClient) return undefined;
      const found = await build.resolve(path, {
        kind,
        importer,
        resolveDir,
        namespace,
        pluginData: leanClientNode.name,
      });
      return { ...found, sideEffects: false };
    });
  },
};

/**
 * Reads the names that a module imports of Node's own modules where they are used. An `import` of such a module reads
 * all of its exports, and so loads what Node loads on demand: for `node:http` all of WebSocket and fetch, which is a
 * quarter of a cold start.
 */
export const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(node:)?(${builtinModules.join('|')})$`) }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'builtin' } : undefined,
    );
    build.onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}');`,
    }));
  },
};
