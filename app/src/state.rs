//! What really is global: who looks, in which colours, and what they were just told.

pub mod theme;
pub mod toasts;
pub mod unread;
pub mod viewer;

pub use toasts::{Toasts, provide_toasts, use_toasts};
pub use unread::{provide_unread, use_unread};
pub use viewer::{ViewerState, provide_viewer, use_viewer};
