"""An API for notes: each user has their own. Doorward signs the users in.

`doorward.py` identifies the caller of a request, and this file is the application.
"""

import itertools
import os
import socket
from collections import defaultdict

import uvicorn
from doorward import Admin, Person, User
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI(title="Notes")


class NewNote(BaseModel):
    text: str


class Note(NewNote):
    id: int


# By user id and note id. An application has a database here.
notes: defaultdict[str, dict[int, Note]] = defaultdict(dict)
ids = itertools.count(1)


@app.get("/me")
async def me(person: Person) -> User:
    return person


@app.get("/admin")
async def admin(person: Admin) -> dict[str, str]:
    return {"message": "hello, admin", "user": person.user}


@app.get("/notes")
async def list_notes(person: Person) -> list[Note]:
    return list(notes[person.user].values())


@app.post("/notes", status_code=201)
async def add_note(person: Person, new: NewNote) -> Note:
    note = Note(id=next(ids), text=new.text)
    notes[person.user][note.id] = note
    return note


@app.delete("/notes/{id}", status_code=204)
async def delete_note(person: Person, id: int) -> None:
    if notes[person.user].pop(id, None) is None:
        raise HTTPException(404)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "5000"))))
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
