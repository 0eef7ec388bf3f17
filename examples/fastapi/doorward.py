"""FastAPI dependencies that ask Doorward about every request, so a sign-out takes effect at once.

A route with a `Person` argument is for signed-in users, and one with an `Admin` argument for admins.
"""

import os
from typing import Annotated

import httpx
from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

COOKIE = "__Host-doorward"

# Sends tokens to Doorward only: follows no redirect, and uses no proxy from the environment.
DOORWARD = httpx.AsyncClient(
    base_url=os.environ.get("DOORWARD_URL", "http://localhost:8000"), timeout=2, follow_redirects=False, trust_env=False
)

Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


class User(BaseModel):
    user: str  # the user's id, which never changes and is never reused
    username: str  # empty for a user with an email address alone
    role: str


async def signed_in(request: Request, bearer: Bearer) -> User:
    """Return the user of a session token, or of the cookie. Reject the request if it is invalid or Doorward is down."""
    cookie = request.cookies.get(COOKIE)
    if bearer:
        sent = {"Authorization": f"Bearer {bearer.credentials}"}
    elif cookie:
        reject_other_sites(request)
        sent = {"Cookie": f"{COOKIE}={cookie}"}
    else:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    try:
        answer = await DOORWARD.get("/auth/check", headers=sent)
    except httpx.HTTPError:
        raise HTTPException(503, headers={"Retry-After": "1"}) from None
    if answer.status_code == 401:
        raise HTTPException(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    if answer.status_code != 200 or "X-Auth-User-Id" not in answer.headers:
        raise HTTPException(503, headers={"Retry-After": answer.headers.get("Retry-After", "1")})
    return User(
        user=answer.headers["X-Auth-User-Id"],
        username=answer.headers.get("X-Auth-Username", ""),
        role=answer.headers["X-Auth-Role"],
    )


def reject_other_sites(request: Request):
    """Reject a write that another site may have caused: the browser sends the cookie with it as well."""
    is_read = request.method in ("GET", "HEAD")
    if not is_read and request.headers.get("Sec-Fetch-Site") != "same-origin":
        raise HTTPException(403)


Person = Annotated[User, Depends(signed_in)]


async def is_admin(person: Person) -> User:
    if person.role != "admin":
        raise HTTPException(403)
    return person


Admin = Annotated[User, Depends(is_admin)]
