//! The pages as a browser without JavaScript gets them.

mod admin;
mod forms;
mod html;

pub(crate) use forms::install;
