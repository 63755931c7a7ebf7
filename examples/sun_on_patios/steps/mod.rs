//! What the program does, step by step.

mod above;
mod building;
mod filling;
mod looking;
mod midnight;
mod pictures;
mod reading;
mod version;

pub(crate) use above::look_from_above;
pub(crate) use building::{build_a_shed, let_a_house_grow};
pub(crate) use filling::{fill, find_the_survey};
pub(crate) use looking::look_around;
pub(crate) use midnight::pass_midnight;
pub(crate) use pictures::draw;
pub(crate) use reading::look_up;
pub(crate) use version::change_the_method;
