//! Whose count a wrong password moves, and what that tells a stranger: nothing of who has an account.

use doorward_domain::Error;

use crate::world::*;

/// What is answered to that password.
async fn shown(world: &World, name: &str, shown: &str) -> String {
    match world.try_sign_in(name, shown).await {
        Ok(_) => "signed in".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

/// A world in which `ben@example.com` has an owner, or is claimed, or is nobody's.
async fn worlds() -> Vec<(&'static str, World)> {
    let (owned, moved, claimed, nobodys) = (
        World::new().await,
        World::new().await,
        World::new().await,
        World::new().await,
    );
    owned.active("ben").await;
    // An owner whose password was changed since: their epoch is another.
    moved.active("ben").await;
    let (operator, new) = (moved.operator(), secret("three lamps and a boat"));
    let set = moved.accounts.set_password(&operator, "ben", &new);
    set.await.unwrap();
    claimed.pending("ben").await;
    vec![
        ("owned", owned),
        ("owned, with a new password", moved),
        ("claimed", claimed),
        ("nobody's", nobodys),
    ]
}

/// a sign-up with an address moves no count, nor does it clear one, nor do guesses at its user
/// name or its right password: whatever a stranger does, an address answers as one that is nobody's.
#[tokio::test]
async fn a_claim_tells_nothing_of_the_address_it_is_made_to() {
    let mut told = Vec::new();
    for (whose, world) in worlds().await {
        let mut answers = Vec::new();
        let address = "ben@example.com";
        for _ in 0..4 {
            answers.push(shown(&world, address, OTHER_PASSWORD).await);
        }
        let claim = sign_up(Some("eve"), Some(address));
        world.try_sign_up(claim).await.unwrap();
        answers.push(shown(&world, address, OTHER_PASSWORD).await);
        // The claim's own count, by its user name, is nobody else's.
        for _ in 0..4 {
            answers.push(shown(&world, "eve", OTHER_PASSWORD).await);
        }
        world.advance(seconds(1));
        answers.push(shown(&world, address, OTHER_PASSWORD).await);
        answers.push(shown(&world, address, OTHER_PASSWORD).await);
        answers.push(shown(&world, "eve", PASSWORD).await);
        answers.push(shown(&world, address, OTHER_PASSWORD).await);
        // A second claim, newer than the first.
        let claim = sign_up(Some("mallory"), Some(address));
        world.try_sign_up(claim).await.unwrap();
        answers.push(shown(&world, address, OTHER_PASSWORD).await);
        for _ in 0..110 {
            world.advance(seconds(10));
            answers.push(shown(&world, address, OTHER_PASSWORD).await);
        }
        answers.push(shown(&world, "mallory", PASSWORD).await);
        answers.push(shown(&world, address, OTHER_PASSWORD).await);
        told.push((whose, answers));
    }
    for (whose, answers) in &told {
        assert_eq!(*answers, told[3].1, "{whose}");
    }
}

/// whoever claims an address and shows the claim's own password there has guessed at its
/// owner's: that clears no count and is not given back, or they would guess without end.
#[tokio::test]
async fn the_password_of_a_claim_clears_no_count_of_the_owners() {
    let world = World::new().await;
    world.active("ben").await;
    let mut claim = sign_up(Some("eve"), Some("ben@example.com"));
    claim.password = new_password("the thief has this one");
    world.try_sign_up(claim).await.unwrap();
    let mut looked_at = 0;
    for number in 0..300 {
        let guess = match number % 3 {
            2 => "the thief has this one",
            _ => OTHER_PASSWORD,
        };
        match world.try_sign_in("ben@example.com", guess).await {
            Err(Error::InvalidCredentials | Error::EmailUnconfirmed) => looked_at += 1,
            other => assert_err!(other, Error::TooManyAttempts { .. }),
        }
        world.advance(seconds(10));
    }
    assert_eq!(looked_at, 100, "as many as any stranger has");
}

/// what strangers guessed at an address before it had an owner is not held against its owner, who
/// could not know.
#[tokio::test]
async fn whoever_confirms_begins_with_no_guesses_against_them() {
    let world = World::new().await;
    let waiting = async |world: &World| {
        for _ in 0..100 {
            let _ = world.try_sign_in("ben@example.com", OTHER_PASSWORD).await;
            world.advance(seconds(10));
        }
        let refused = world.try_sign_in("ben@example.com", PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { .. });
    };
    world.unconfirmed("ben").await;
    waiting(&world).await;
    let token = token_in(&world.one_mail().await);
    world.accounts.confirm(&world.anon(), &token).await.unwrap();
    for name in ["ben@example.com", "ben"] {
        world.try_sign_in(name, PASSWORD).await.unwrap();
    }
}
