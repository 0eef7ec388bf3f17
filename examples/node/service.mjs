// A small API that trusts Doorward's audience tokens by the public keys alone.
//
// `person` is what to copy; the rest is an API that uses it.

import { createServer } from 'node:http'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

const { DOORWARD_URL = 'http://localhost:8000', AUDIENCE = 'https://api.example.com', PORT = '5000' } = process.env

// The keys are kept for ten minutes. A token by an unknown key makes it look for new ones at once,
// but no more than once a second: anybody can make up names of keys.
const keys = createRemoteJWKSet(new URL(`${DOORWARD_URL}/.well-known/jwks.json`), {
  cacheMaxAge: 600_000,
  cooldownDuration: 1_000,
  timeoutDuration: 2_000,
})

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
    console.error(`Doorward's keys could not be fetched: ${error}`)
    throw new Refused(503, { 'Retry-After': '1' })
  }
}

/** Whether the token is at fault, and not the way to the keys. */
function isBad(error) {
  const isAway = error instanceof errors.JWKSTimeout || error.code === 'ERR_JOSE_GENERIC'
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
