import { DoorwardError } from "@doorward/client";
import { useEffect, useState, type FormEvent } from "react";
import { changeNotes, readNotes } from "./storedNotes";

export function Notes({ onSignedOut }: { onSignedOut: () => void }) {
  const [notes, setNotes] = useState<string[]>([]);
  const [error, setError] = useState<string>();

  function show(change: Promise<string[]>) {
    setError(undefined);
    change.then(setNotes, (thrown: Error) => {
      if (thrown instanceof DoorwardError && thrown.status === 401) onSignedOut();
      else setError(thrown instanceof DoorwardError ? messageOf(thrown) : thrown.message);
    });
  }

  useEffect(() => show(readNotes()), []);

  function add(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const text = String(new FormData(form).get("text"));
    show(changeNotes((current) => [...current, text]));
    form.reset();
  }

  return (
    <>
      {error && <p role="alert">{error}</p>}
      <form onSubmit={add}>
        <input name="text" aria-label="New note" required maxLength={200} /> <button>Add</button>
      </form>
      <ul>
        {notes.map((note, at) => (
          <li key={at}>
            {note}{" "}
            <button
              aria-label={`Delete ${note}`}
              onClick={() => show(changeNotes((current) => current.filter((_, other) => other !== at)))}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

/** The text for an error: its code decides. */
function messageOf(error: DoorwardError): string {
  switch (error.code) {
    case "validation-failed":
      return error.errors.map(({ detail }) => detail).join(" ");
    case "too-many-attempts":
      return `Too many attempts: try again in ${error.retryAfter} seconds.`;
    default:
      return error.detail;
  }
}
