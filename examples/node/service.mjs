// A small API that trusts Doorward's audience tokens by the public keys alone.
//
// `person` is what to copy; the rest is an API that uses it.

import { createServer } from 'node:http'
import { createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose'

const { DOORWARD_URL = 'http://localhost:8000', AUDIENCE = 'https://api.example.com', PORT = '5000' } = process.env

const LIFETIME = 600_000 // the keys are fetched again, so that one that was withdrawn is forgotten
const COOLDOWN = 1_000 // an unknown key makes it look for new ones, but anybody can make up names of keys
const PATIENCE = 2_000 // how long Doorward has to answer

const keys = createRemoteJWKSet(new URL(`${DOORWARD_URL}/.well-known/jwks.json`), {
  cacheMaxAge: Infinity, // the old ones are kept while Doorward is away
  cooldownDuration: COOLDOWN,
  timeoutDuration: PATIENCE,
  [customFetch]: fetchKeys,
})
setInterval(() => keys.reload().catch(() => {}), LIFETIME).unref()

let failedAt = -Infinity

/** What jose leaves to us: a cooldown after a failure too, and what is no set of keys replaces none. */
async function fetchKeys(...request) {
  if (performance.now() < failedAt + COOLDOWN) throw new Error('they could not be fetched just now')
  try {
    const answer = await fetch(...request)
    if (!answer.ok) throw new Error(`the status is ${answer.status}`)
    const found = await answer.json()
    if (!found.keys.some(({ crv }) => crv === 'Ed25519')) throw new Error('none among them is for EdDSA')
    return Response.json(found)
  } catch (error) {
    console.error(`Doorward's keys could not be fetched: ${error.cause ?? error}`)
    failedAt = performance.now()
    throw error
  }
}

/** The status to answer with, and what goes with it. */
class Refused extends Error {
  constructor(status, headers = {}) {
    super(`refused with ${status}`)
    Object.assign(this, { status, headers })
  }
}

/** Whose token it is: `sub`, `role` and `sid`; else Refused. */
async function person(request) {
  const [, token] = /^bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (!token) throw new Refused(401, { 'WWW-Authenticate': 'Bearer' })
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ['EdDSA'],
      typ: 'at+jwt',
      issuer: DOORWARD_URL,
      audience: AUDIENCE,
      requiredClaims: ['exp', 'sub', 'sid', 'role'],
      clockTolerance: 5, // for clocks that differ a little
    })
    return payload
  } catch (error) {
    if (isBad(error)) throw new Refused(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' })
    throw new Refused(503, { 'Retry-After': '1' })
  }
}

/** Whether the token is at fault, and not the way to the keys. */
function isBad(error) {
  const isAway = ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'].includes(error.code)
  return error instanceof errors.JOSEError && !isAway
}

/** The same, for admins alone. */
async function admin(request) {
  const claims = await person(request)
  if (claims.role !== 'admin') throw new Refused(403)
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
    if (!route) throw new Refused(404)
    const body = JSON.stringify(await route(request))
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(body)
  } catch (error) {
    if (!(error instanceof Refused)) console.error(error)
    response.writeHead(error.status ?? 500, error.headers).end()
  }
})

server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
