//! The pages as a browser without JavaScript gets them.

mod admin;
mod forms;
mod html;
mod kept;
mod marketplace;
mod pictures;

pub(crate) use forms::install;
