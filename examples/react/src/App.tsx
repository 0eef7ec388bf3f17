import { useEffect, useState } from "react";
import { doorward, pageOf, type User } from "./doorward";
import { Notes } from "./Notes";

/** The notes of the user who is signed in, or the way to sign in. */
export function App() {
  const [user, setUser] = useState<User | null>();
  const [error, setError] = useState<string>();

  useEffect(() => {
    const found = doorward.session();
    found.then((current) => setUser(current?.user ?? null), (thrown: Error) => setError(thrown.message));
  }, []);

  async function signOut() {
    await doorward.signOut();
    setUser(null);
  }

  if (error) return <p role="alert">{error}</p>;
  if (user === undefined) return <p>Loading…</p>;
  if (user === null) {
    return (
      <>
        <h1>Notes</h1>
        <p>
          <a href={pageOf("/sign-in")}>Sign in</a> or <a href={pageOf("/sign-up")}>create an account</a>
        </p>
      </>
    );
  }
  return (
    <>
      <header>
        Signed in as <strong>{user.username ?? user.email}</strong> · <a href="/account">Account</a>{" "}
        <button onClick={() => void signOut()}>Sign out</button>
      </header>
      <h1>Notes</h1>
      <Notes onSignedOut={() => setUser(null)} />
    </>
  );
}
