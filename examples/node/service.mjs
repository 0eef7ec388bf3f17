// A small API that verifies Doorward's audience tokens with Doorward's public keys.
//
// Copy `person` and `keys`. The rest is an API that uses them.

import { createServer } from 'node:http'
import { createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose'

const { DOORWARD_URL = 'http://localhost:8000', AUDIENCE = 'https://api.example.com', PORT = '5000' } = process.env

const LIFETIME = 600_000 // ms until the keys are fetched again, so that a revoked key is forgotten
const COOLDOWN = 1_000 // ms between fetches for unknown key ids, since anyone can make up key ids
const TIMEOUT = 2_000 // ms for Doorward's response

const keys = createRemoteJWKSet(new URL(`${DOORWARD_URL}/.well-known/jwks.json`), {
  cacheMaxAge: Infinity, // the old keys stay while Doorward is down
  cooldownDuration: COOLDOWN,
  timeoutDuration: TIMEOUT,
  [customFetch]: fetchKeys,
})
setInterval(() => keys.reload().catch(() => {}), LIFETIME).unref()

let failedAt = -Infinity

/** Adds to jose: a cooldown after a failed fetch, and a response without usable keys replaces none. */
async function fetchKeys(...request) {
  if (performance.now() < failedAt + COOLDOWN) throw new Error('the last fetch failed less than a second ago')
  try {
    const response = await fetch(...request)
    if (!response.ok) throw new Error(`the status is ${response.status}`)
    const found = await response.json()
    if (!found.keys.some(({ crv }) => crv === 'Ed25519')) throw new Error('no key for EdDSA')
    return Response.json(found)
  } catch (error) {
    console.error(`cannot fetch Doorward's keys: ${error.cause ?? error}`)
    failedAt = performance.now()
    throw error
  }
}

/** The status and headers of an error response. */
class Rejected extends Error {
  constructor(status, headers = {}) {
    super(`rejected with ${status}`)
    Object.assign(this, { status, headers })
  }
}

/** Returns the claims of the token (`sub`, `role`, `sid`). Throws Rejected if it is invalid. */
async function person(request) {
  const [, token] = /^bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (!token) throw new Rejected(401, { 'WWW-Authenticate': 'Bearer' })
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ['EdDSA'],
      typ: 'at+jwt',
      issuer: DOORWARD_URL,
      audience: AUDIENCE,
      requiredClaims: ['exp', 'sub', 'sid', 'role'],
      clockTolerance: 5, // seconds, for clock skew
    })
    return payload
  } catch (error) {
    if (isInvalid(error)) throw new Rejected(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' })
    throw new Rejected(503, { 'Retry-After': '1' })
  }
}

/** Returns true if the token is invalid, and false if the keys could not be fetched. */
function isInvalid(error) {
  const isDown = ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'].includes(error.code)
  return error instanceof errors.JOSEError && !isDown
}

/** Returns the claims of the token, if the user is an admin. */
async function admin(request) {
  const claims = await person(request)
  if (claims.role !== 'admin') throw new Rejected(403)
  return claims
}

const routes = {
  '/me': async (request) => {
    const { sub, role, sid } = await person(request)
    return { user: sub, role, session: sid }
  },
  '/admin': async (request) => ({ message: 'hello, admin', user: (await admin(request)).sub }),
}

const server = createServer(async (request, response) => {
  try {
    const route = Object.hasOwn(routes, request.url) && routes[request.url]
    if (!route) throw new Rejected(404)
    const body = JSON.stringify(await route(request))
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(body)
  } catch (error) {
    if (!(error instanceof Rejected)) console.error(error)
    response.writeHead(error.status ?? 500, error.headers).end()
  }
})

server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
