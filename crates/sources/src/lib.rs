//! Where the values of a stack's parameters and of infrastructure's variables come from: outputs
//! of others, SSM, images, code. Shared by who plans stacks and who plans what CodeBuild builds.

mod about;
mod answer;
mod values;

pub use about::{About, nearest};
pub use answer::or_check;
pub use values::{Found, Known, Sources, Values};
