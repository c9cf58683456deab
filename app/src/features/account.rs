//! Who one is: sign-up, sign-in, sign-out, profile, password, e-mail address, data, secrets, API keys,
//! usage and budgets.

use crate::lazy_page::lazy_pages;

mod account_route;
mod address_form;
pub mod api;
mod confirm_email_route;
mod following_route;
mod forgot_password_route;
mod form_page;
mod key_life;
mod keys_route;
#[cfg(feature = "ssr")]
mod letters;
mod limits_form;
#[cfg_attr(
    feature = "ssr",
    expect(clippy::unused_async, reason = "what a browser calls is waited for")
)]
mod mailed_api;
mod notices_route;
mod profile_form;
mod purchases_api;
mod purchases_route;
mod reset_password_route;
mod secrets_route;
mod security_api;
mod security_route;
mod sign_in_route;
mod sign_up_route;
mod test_checkout_route;
mod usage_api;
mod usage_chart;
mod usage_route;

pub use account_route::AccountRoute;
pub use confirm_email_route::ConfirmEmailRoute;
pub use following_route::FollowingRoute;
pub use forgot_password_route::ForgotPasswordRoute;
pub use keys_route::KeysRoute;
pub use notices_route::NoticesRoute;
pub use purchases_route::PurchasesRoute;
pub use reset_password_route::ResetPasswordRoute;
pub use secrets_route::SecretsRoute;
pub use security_route::SecurityRoute;
pub use sign_in_route::SignInRoute;
pub use sign_up_route::SignUpRoute;
pub use test_checkout_route::TestCheckoutRoute;
pub use usage_route::UsageRoute;

lazy_pages!(
    account: account = AccountRoute,
    confirm_email = ConfirmEmailRoute,
    following = FollowingRoute,
    forgot_password = ForgotPasswordRoute,
    purchases = PurchasesRoute,
    test_checkout = TestCheckoutRoute,
    keys = KeysRoute,
    notices = NoticesRoute,
    reset_password = ResetPasswordRoute,
    secrets = SecretsRoute,
    security = SecurityRoute,
    sign_in = SignInRoute,
    sign_up = SignUpRoute,
    usage = UsageRoute,
);
