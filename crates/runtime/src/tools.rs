//! The tools that agents call, behind one trait.

mod tool;

pub use tool::{Tool, ToolContext, ToolError, ToolFuture, ToolSchema};
