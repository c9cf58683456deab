//! One module per area of the product. A feature uses another's files through what that one exports
//! alone.

pub mod account;
pub mod admin;
pub mod audit;
pub mod automations;
pub mod landing;
pub mod marketplace;
pub mod moderation;
pub mod publishing;
pub mod sessions;
pub mod studio;
pub mod teams;
