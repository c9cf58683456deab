//! What really is global: who looks, in which colours, and what they were just told.

pub mod theme;
pub mod toasts;
pub mod viewer;

pub use toasts::{Toasts, provide_toasts, use_toasts};
pub use viewer::{ViewerState, provide_viewer, use_viewer};
