//! Who is counted with whom, and that a flood shuts nobody out who was here before.

mod doors;
mod guesses;
mod known_devices;
mod refusals;
mod stops;

use doorward_domain::flows::sessions::SignedIn;
use doorward_domain::model::User;
use doorward_domain::throttle::Door;
use doorward_domain::values::Token;
use doorward_domain::{Ctx, Error};

use crate::world::*;

/// A stranger's request from there.
fn from(world: &World, address: &str) -> Ctx {
    let mut ctx = world.anon();
    ctx.client.address = Some(address.parse().unwrap());
    ctx
}

/// The same from a browser that keeps what a sign-in to that account has left there.
fn known(world: &World, address: &str, user: &User) -> Ctx {
    let mut ctx = from(world, address);
    let session = Token::generate(&*world.secrets).digest();
    let cookie = world.accounts.device_after(&ctx, None, user, &session);
    ctx.client.known = world.accounts.recognise(&ctx, Some(cookie.expose()), None);
    assert_eq!(ctx.client.known.len(), 1);
    ctx
}

/// That browser's next request.
fn again(world: &World, ctx: &Ctx) -> Ctx {
    let mut next = world.anon();
    next.client.address = ctx.client.address;
    next.client.known.clone_from(&ctx.client.known);
    next
}

async fn try_from(world: &World, ctx: &Ctx, name: &str, shown: &str) -> Result<SignedIn, Error> {
    let ctx = again(world, ctx);
    world.accounts.admit(&ctx, Door::SignIn).await?;
    let (who, shown) = (identifier(name), password(shown));
    world.accounts.sign_in(&ctx, &who, &shown).await
}

/// One of fifty addresses, each in a network of its own.
fn bot(number: usize) -> String {
    format!("203.0.{}.7", number % 50)
}
