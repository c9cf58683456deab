//! The pages as a browser without JavaScript gets them.

mod forms;
mod html;
mod marketplace;

pub(crate) use forms::install;
