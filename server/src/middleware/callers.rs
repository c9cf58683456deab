//! Who asks, and how often: once for each request that a person or a program makes.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use resonant_backend::Actor;

use super::{rate_limit, sign_in};
use crate::fault::Fault;
use crate::state::AppState;

/// Puts a `Ctx` into the request, counts it, and refuses it when it is one too many or when its key
/// stands for nobody. One layer in the place of three: each takes some of every request's time.
pub async fn know(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = sign_in::id_of(&request);
    let (ctx, is_known) = match sign_in::caller(&state, request.headers(), &id).await {
        Ok(Some(ctx)) => (ctx, true),
        Ok(None) => (state.backend.ctx(Actor::Anonymous, id), false),
        Err(error) => return Fault::from(error).into_response(),
    };
    let address = rate_limit::client(&state, &request);
    let ctx = ctx.from_address(address);
    let admission = rate_limit::count(&state, request.uri().path(), address, &ctx).await;
    let mut response = match admission.refusal() {
        Some(fault) => fault.into_response(),
        // Whoever tries keys is counted too.
        None if !is_known => Fault::unknown_key().into_response(),
        None => {
            request.extensions_mut().insert(ctx.clone());
            next.run(request).await
        }
    };
    admission.tell(response.headers_mut());
    sign_in::tell(&state, &ctx, response.headers_mut());
    response
}
