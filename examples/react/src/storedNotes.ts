// The notes of the user, in `data` of their account: up to 16 KiB. An application with more keeps them in a service of
// its own, by the user's id (`examples/fastapi`, `examples/axum`).
import { DoorwardError, unwrap } from "@doorward/client";
import { doorward } from "./doorward";

const path = { user: "me" };

async function read() {
  const result = await doorward.GET("/user/{user}", { params: { path } });
  const { data } = await unwrap(result);
  const notes = Array.isArray(data["notes"]) ? data["notes"].map(String) : [];
  return { notes, tag: result.response.headers.get("ETag") ?? "" };
}

export async function readNotes(): Promise<string[]> {
  return (await read()).notes;
}

/** Changes the notes as they are now, also if another tab has changed them. */
export async function changeNotes(change: (notes: string[]) => string[]): Promise<string[]> {
  const { notes, tag } = await read();
  const changed = change(notes);
  const params = { path, header: { "If-Match": tag } };
  try {
    await unwrap(doorward.PATCH("/user/{user}", { params, body: { data: { notes: changed } } }));
  } catch (error) {
    if (error instanceof DoorwardError && error.code === "precondition-failed") return changeNotes(change);
    throw error;
  }
  return changed;
}
