//! Who one is: sign-up, sign-in, sign-out, profile.

mod account_route;
pub mod api;
mod form_page;
mod sign_in_route;
mod sign_up_route;

pub use account_route::AccountRoute;
pub use sign_in_route::SignInRoute;
pub use sign_up_route::SignUpRoute;
