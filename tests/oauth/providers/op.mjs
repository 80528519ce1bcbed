// Identity providers for the tests: npm oidc-provider, one issuer for each vendor's shape, below one loopback port.
// usage: node op.mjs CONFIG.json    (CONFIG is written by op.py; AIREGISTRY_MODULES is the folder of the packages)
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const resolve = createRequire(join(process.env.AIREGISTRY_MODULES, 'resolve.js')).resolve;
const { Provider } = await import(pathToFileURL(resolve('oidc-provider')));
const { port, jwks, issuers } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const origin = `http://127.0.0.1:${port}`;
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];

// What each person's id token and userinfo say beyond `sub` stands in the configuration.
function provider({ path, slash, clients, users, scopes }) {
  const names = Object.values(users).flatMap((user) => [...Object.keys(user.id_token), ...Object.keys(user.userinfo)]);
  return new Provider(`${origin}${path}${slash ? '/' : ''}`, {
    clients,
    jwks,
    scopes: ['openid', ...scopes],
    claims: { openid: ['sub', 'sid', 'auth_time', 'groups', ...new Set(names)] },
    conformIdTokenClaims: false,
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
    findAccount: (ctx, sub) => users[sub] && {
      accountId: sub,
      claims: async (use) => ({ sub, ...users[sub][use] }),
    },
    features: {
      devInteractions: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = form.replace('</form>', '<input type="hidden" name="logout" value="yes"/></form>');
        },
      },
      backchannelLogout: { enabled: true },
    },
    // Its own dispatcher refuses loopback, which is where the registry under test listens.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    cookies: { keys: ['test'] },
  });
}

// The longest path first: one issuer may lie below another.
const mounted = issuers
  .map((issuer) => ({ ...issuer, handle: provider(issuer).callback() }))
  .sort((one, other) => other.path.length - one.path.length);

// Entra ID's document for many tenants: that of a tenant, but for the issuer, which is a template.
async function manyTenants(response) {
  const tenant = mounted.find((each) => each.tenant);
  const document = await (await fetch(`${origin}${tenant.path}/.well-known/openid-configuration`)).json();
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ ...document, issuer: `${origin}/{tenantid}/v2.0` }));
}

createServer((request, response) => {
  if (request.url === '/common/v2.0/.well-known/openid-configuration') {
    manyTenants(response);
    return;
  }
  const found = mounted.find(({ path }) => request.url.startsWith(`${path}/`));
  if (!found) {
    response.writeHead(404).end();
    return;
  }
  request.originalUrl = request.url;
  request.url = request.url.slice(found.path.length);
  found.handle(request, response);
}).listen(port, '127.0.0.1', () => console.log('ready'));
