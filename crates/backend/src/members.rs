//! People: guests, members and their sign-ins.

use resonant_domain::member::Viewer;

use crate::{Actor, Backend, Ctx, Result};

/// What someone writes to become a member.
#[derive(Clone)]
pub struct NewMember {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: String,
    /// What they want to be called.
    pub display_name: String,
}

/// What a member writes to sign in.
#[derive(Clone)]
pub struct Credentials {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: String,
}

/// Tells who the caller is; `None` for someone anonymous.
pub async fn viewer(ctx: &Ctx) -> Result<Option<Viewer>> {
    let _ = ctx;
    todo!()
}

/// Tells whom a token stands for; `None` when it stands for nobody.
pub async fn authenticate(backend: &Backend, token: &str) -> Result<Option<Actor>> {
    let _ = (backend, token);
    todo!()
}

/// Makes the caller a guest. Someone who is signed in stays who they are.
pub async fn begin_guest(ctx: &Ctx) -> Result<Viewer> {
    let _ = ctx;
    todo!()
}

/// Makes the caller a member. A guest keeps everything.
pub async fn sign_up(ctx: &Ctx, new: NewMember) -> Result<Viewer> {
    let _ = (ctx, new);
    todo!()
}

/// Signs a member in.
pub async fn sign_in(ctx: &Ctx, credentials: Credentials) -> Result<Viewer> {
    let _ = (ctx, credentials);
    todo!()
}

/// Ends the caller's sign-in.
pub async fn sign_out(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    todo!()
}

/// Changes what the caller is called.
pub async fn update_profile(ctx: &Ctx, display_name: String) -> Result<Viewer> {
    let _ = (ctx, display_name);
    todo!()
}
