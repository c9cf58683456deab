//! The pages as a browser without JavaScript gets them.

mod admin;
mod forms;
mod html;
mod marketplace;

pub(crate) use forms::install;
