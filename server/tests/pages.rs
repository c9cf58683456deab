//! The pages as a browser without JavaScript gets them.

mod admin;
mod automations;
mod crawlers;
mod editor;
mod forms;
mod html;
mod kept;
mod listings;
mod mailed;
mod marketplace;
mod pictures;
mod results;
mod reviews;
mod sessions;

pub(crate) use forms::install;
